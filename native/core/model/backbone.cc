#include "core/model/backbone.h"

#include <c10/util/accumulate.h>

#include <array>
#include <cmath>

#include "core/base/error.h"
#include "core/ops/pointwise_batch_norm.h"

namespace moco {
namespace {

constexpr int64_t kStemWidth = 64;        // with width 1
constexpr int64_t kChannelMultiple = 16;  // what kernels can compute
constexpr int64_t kBottleneckExpansion = 4;
constexpr int64_t kPoolKernel = 3;
constexpr int64_t kPoolStride = 2;
constexpr int64_t kPoolPadding = 1;

struct Depths {
  const char* arch;
  bool bottleneck;
  std::array<int64_t, 4> blocks;  // per stage
};

constexpr std::array<Depths, 5> kArchitectures{{{"resnet18", false, {2, 2, 2, 2}},
                                                {"resnet34", false, {3, 4, 6, 3}},
                                                {"resnet50", true, {3, 4, 6, 3}},
                                                {"resnet101", true, {3, 4, 23, 3}},
                                                {"resnet152", true, {3, 8, 36, 3}}}};

const Depths& depthsOf(const std::string& arch) {
  for (const auto& depths : kArchitectures) {
    if (arch == depths.arch) return depths;
  }
  throw Error("ERR_MOCO_CONFIG", "arch: there is no \"" + arch + "\"",
              "Choose resnet18, resnet34, resnet50, resnet101 or resnet152.");
}

/// Channels of the stem and of the first stage.
int64_t firstChannels(double width) {
  const double channels = width * kStemWidth;
  const int64_t whole = std::llround(channels);
  if (whole > 0 && static_cast<double>(whole) == channels && whole % kChannelMultiple == 0) {
    return whole;
  }
  throw Error("ERR_MOCO_CONFIG",
              "width: with " + std::to_string(width) + ", the stem would have " +
                  std::to_string(channels) + " channels, which is no multiple of 16",
              "Choose a multiple of 0.25.");
}

struct Extent {
  int64_t height, width;
};

/// The height and width of a convolution's or max-pool's output.
Extent outputExtent(const Extent& input, int64_t kernel, int64_t stride, int64_t padding) {
  const auto length = [&](int64_t from) { return (from + 2 * padding - kernel) / stride + 1; };
  return {length(input.height), length(input.width)};
}

/// The sizes of a convolution.
/// @param extent  that of its input; changed to that of its output
Backbone::LayerSize sizeOf(const Convolution& layer, const NetworkPlan& plan, Extent& extent) {
  const auto& shape = plan.parameters[layer.weight].shape;  // (out, in, k, k)
  extent = outputExtent(extent, shape.back(), layer.stride, layer.padding);
  return {.weights = c10::multiply_integers(shape),
          .kernel = shape.back(),
          .stride = layer.stride,
          .channels = shape.front(),
          .positions = extent.height * extent.width,
          .isShortcut = false};
}

}  // namespace

Stem stemNamed(const std::string& name) {
  if (name == "cifar") return Stem::kCifar;
  if (name == "cifar-pool") return Stem::kCifarPool;
  if (name == "imagenet") return Stem::kImagenet;
  throw Error("ERR_MOCO_CONFIG", "stem: there is no \"" + name + "\"",
              "Choose cifar, cifar-pool or imagenet.");
}

Backbone::Backbone(const BackboneSettings& settings, NetworkPlan& plan)
    : maxPool_(settings.stem != Stem::kCifar) {
  const Depths& depths = depthsOf(settings.arch);
  const int64_t first = firstChannels(settings.width);
  stem_ = planStem(plan, settings.stem, first);
  int64_t channels = first;
  for (size_t stage = 0; stage < depths.blocks.size(); ++stage) {
    const int64_t width = first << stage;
    for (int64_t block = 0; block < depths.blocks[stage]; ++block) {
      const std::string name = "f." + std::to_string(stage + 3) + "." + std::to_string(block);
      const int64_t stride = stage > 0 && block == 0 ? 2 : 1;
      blocks_.push_back(planBlock(plan, name, depths.bottleneck, channels, width, stride));
      channels = depths.bottleneck ? width * kBottleneckExpansion : width;
    }
  }
  featureDim_ = channels;
  if (!settings.zeroInit) return;
  for (const auto& block : blocks_) plan.initialisations[block.body.back().norm.weight].scale = 0;
}

Backbone::ConvNorm Backbone::planStem(NetworkPlan& plan, Stem stem, int64_t channels) {
  if (stem == Stem::kImagenet) return planConvNorm(plan, "f.0", "f.1", 3, channels, 7, 2);
  // The reference puts this layer in the place of torchvision's, and so it has PyTorch's default
  // initialisation rather than torchvision's.
  ConvNorm layer{};
  layer.convolution = planConvolution(plan, "f.0", 3, channels, 3, 1, 1, uniformFanIn(3 * 3 * 3));
  layer.norm = planBatchNorm(plan, "f.1", channels);
  return layer;
}

Backbone::ConvNorm Backbone::planConvNorm(NetworkPlan& plan, const std::string& convolution,
                                          const std::string& norm, int64_t in, int64_t out,
                                          int64_t kernel, int64_t stride) {
  ConvNorm layer{};
  layer.convolution = planConvolution(plan, convolution, in, out, kernel, stride, kernel / 2,
                                      kaimingNormalFanOut(out, kernel));
  layer.norm = planBatchNorm(plan, norm, out);
  return layer;
}

Backbone::ResidualBlock Backbone::planBlock(NetworkPlan& plan, const std::string& name,
                                            bool bottleneck, int64_t in, int64_t width,
                                            int64_t stride) {
  ResidualBlock block;
  const auto add = [&](int number, int64_t from, int64_t to, int64_t kernel, int64_t by) {
    const std::string suffix = std::to_string(number);
    block.body.push_back(
        planConvNorm(plan, name + ".conv" + suffix, name + ".bn" + suffix, from, to, kernel, by));
  };
  const int64_t out = bottleneck ? width * kBottleneckExpansion : width;
  if (bottleneck) {
    add(1, in, width, 1, 1);
    add(2, width, width, 3, stride);
    add(3, width, out, 1, 1);
  } else {
    add(1, in, width, 3, stride);
    add(2, width, out, 3, 1);
  }
  if (stride != 1 || in != out) {
    block.shortcut =
        planConvNorm(plan, name + ".downsample.0", name + ".downsample.1", in, out, 1, stride);
  }
  return block;
}

Twins Backbone::ConvNorm::operator()(const Pass& pass, const at::Tensor& x, Epilogue epilogue,
                                     const at::Tensor& residual) const {
  const auto& weight = pass.weights[convolution.weight];
  const auto state = norm.state(pass);
  if (pass.pointwiseBatchNorm && fitsPointwiseBatchNorm(weight, convolution.stride, state)) {
    return pointwiseConvolutionBatchNorm(x, weight, state, epilogue, residual);
  }
  return batchNorm(convolution(pass, x), state, epilogue, residual);
}

Twins Backbone::apply(const Pass& pass, const ResidualBlock& block, const Twins& x) {
  at::Tensor y = x.first;
  for (size_t i = 0; i + 1 < block.body.size(); ++i) {
    y = block.body[i](pass, y, Epilogue::kRelu).first;
  }
  at::Tensor residual = x.second;
  if (block.shortcut) residual = (*block.shortcut)(pass, residual, Epilogue::kNone).first;
  return block.body.back()(pass, y, Epilogue::kAddRelu, residual);
}

at::Tensor Backbone::pool(const at::Tensor& x) const {
  if (!maxPool_) return x;
  return at::max_pool2d(x, kPoolKernel, kPoolStride, kPoolPadding);
}

at::Tensor Backbone::operator()(const Pass& pass, const at::Tensor& pictures) const {
  // (B, 64, H, W) with width 1; with a max-pool less height and width.
  const at::Tensor first = pool(stem_(pass, pictures, Epilogue::kRelu).first);
  Twins x{first, first};
  for (const auto& block : blocks_) x = apply(pass, block, x);
  // The mean over all positions, written as one over rows of channels: its gradient then lies in
  // memory as x does. That of x.mean({2, 3}) would have to be copied for the BatchNorm before it.
  return x.first.permute({0, 2, 3, 1}).flatten(1, 2).mean(1);
}

std::vector<Backbone::LayerSize> Backbone::layerSizes(const NetworkPlan& plan, int64_t height,
                                                      int64_t width) const {
  Extent extent{height, width};
  std::vector<LayerSize> sizes{sizeOf(stem_.convolution, plan, extent)};
  if (maxPool_) {
    extent = outputExtent(extent, kPoolKernel, kPoolStride, kPoolPadding);
    sizes.back().pooledPositions = extent.height * extent.width;
  }
  for (const auto& block : blocks_) {
    Extent shortcutExtent = extent;
    for (const auto& layer : block.body) sizes.push_back(sizeOf(layer.convolution, plan, extent));
    if (!block.shortcut) continue;
    sizes.push_back(sizeOf(block.shortcut->convolution, plan, shortcutExtent));
    sizes.back().isShortcut = true;
  }
  return sizes;
}

int64_t Backbone::multiplyAdds(const NetworkPlan& plan, int64_t height, int64_t width) const {
  int64_t total = 0;
  for (const auto& layer : layerSizes(plan, height, width)) {
    total += layer.weights * layer.positions;
  }
  return total;
}

}  // namespace moco
