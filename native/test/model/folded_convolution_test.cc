#include "core/model/folded_convolution.h"

#include <ATen/core/grad_mode.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "core/model/backbone.h"
#include "support/fixtures.h"
#include "support/formula.h"
#include "support/within.h"

using namespace moco;

namespace {

struct Shape {
  int64_t in, out, kernel, stride, height, width, batch;

  auto operator<=>(const Shape&) const = default;
};

std::string describe(const Shape& shape) {
  std::ostringstream text;
  text << shape.in << " to " << shape.out << " channels, " << shape.height << " × " << shape.width
       << ", kernel " << shape.kernel << ", stride " << shape.stride;
  return text.str();
}

/// Shapes that ResNets have, and odd ones.
const std::vector<Shape> kShapes{{3, 64, 3, 1, 32, 32, 4},   {3, 64, 7, 2, 33, 31, 2},
                                 {64, 256, 1, 1, 16, 16, 3}, {128, 128, 3, 2, 16, 16, 3},
                                 {64, 128, 1, 2, 9, 7, 5},   {5, 17, 3, 2, 13, 11, 1},
                                 {33, 7, 3, 1, 5, 3, 3},     {64, 17, 1, 1, 1, 1, 3},
                                 {1, 1, 1, 1, 1, 1, 1},      {1, 5, 1, 1, 3, 2, 2}};

/// The shapes of a ResNet's convolutions with one picture of 32 × 32.
class ShapesOf {
 public:
  ShapesOf(const std::string& arch, Stem stem) : backbone_({.arch = arch, .stem = stem}, plan_) {
    int64_t side = add(backbone_.stem(), 32);
    side = backbone_.pool(at::zeros({1, 1, side, side})).size(2);
    for (const auto& block : backbone_.blocks()) {
      if (block.shortcut) add(*block.shortcut, side);
      for (const auto& layer : block.body) side = add(layer, side);
    }
  }
  const std::set<Shape>& all() const { return shapes_; }

 private:
  /// Side of the layer's output.
  int64_t add(const Backbone::ConvNorm& layer, int64_t side) {
    const auto& weight = plan_.parameters[layer.convolution.weight].shape;
    const int64_t stride = layer.convolution.stride;
    shapes_.insert({weight[1], weight[0], weight[2], stride, side, side, 1});
    return (side - 1) / stride + 1;
  }

  NetworkPlan plan_;
  Backbone backbone_;
  std::set<Shape> shapes_;
};

/// Every shape of a ResNet-18 and a ResNet-50 with either kind of first layer, once.
std::set<Shape> resnetShapes() {
  std::set<Shape> shapes;
  for (const std::string arch : {"resnet18", "resnet50"}) {
    for (const auto stem : {Stem::kCifar, Stem::kImagenet}) {
      shapes.merge(std::set<Shape>(ShapesOf(arch, stem).all()));
    }
  }
  return shapes;
}

/// A convolution and a BatchNorm with random weights and statistics.
struct Layers {
  NetworkPlan plan;
  Convolution convolution;
  BatchNorm norm;
  std::vector<at::Tensor> weights;
  std::optional<NamedTensors> statistics;

  Layers(const Shape& shape, const at::TensorOptions& options)
      : convolution(planConvolution(plan, "f.0", shape.in, shape.out, shape.kernel, shape.stride,
                                    shape.kernel / 2, uniformFanIn(1))),
        norm(planBatchNorm(plan, "f.1", shape.out)),
        statistics(NamedTensors(plan.buffers, options)) {
    for (const auto& spec : plan.parameters) {
      weights.push_back(formula::uniform(spec.name, spec.shape, -1, 1).to(options));
    }
    const at::NoGradGuard noGrad;
    (*statistics)[0].copy_(formula::uniform("mean", {shape.out}, -1, 1));
    (*statistics)[1].copy_(formula::uniform("var", {shape.out}, 0.1, 2));
  }
  Pass pass() const { return {weights, *statistics, /*training=*/false}; }
  FoldedConvolution folded(at::ScalarType compute) const {
    return {convolution, norm, pass(), compute};
  }
};

at::Tensor input(const Shape& shape) {
  return formula::uniform("x", {shape.batch, shape.in, shape.height, shape.width}, -1, 1)
      .contiguous(at::MemoryFormat::ChannelsLast);
}

/// A random tensor that can be added to a layer's output.
at::Tensor shortcutLike(const at::Tensor& output) {
  return formula::uniform("shortcut", output.sizes(), -1, 1)
      .to(output.options())
      .contiguous(at::MemoryFormat::ChannelsLast);
}

/// relu(layer(x)), layer(x) and relu(layer(x) + shortcut).
std::vector<at::Tensor> outputs(const FoldedConvolution& layer, const at::Tensor& x,
                                ConvolutionKernels kernels) {
  SharedZeros zeros;
  const auto plain = layer(x, kernels);
  return {layer.relu(x, kernels, zeros), plain, layer.addRelu(x, shortcutLike(plain), kernels)};
}

/// The GPU, computing fp32 without TF32, or the CPU if there is no GPU.
at::Device device() {
  at::globalContext().setAllowTF32CuDNN(false);
  return at::hasCUDA() ? at::kCUDA : at::kCPU;
}

/// Compares the plain and the fastest kernels with the plain ones in fp64.
void checkFastest(const Shape& shape) {
  const Layers exactLayers(shape, at::kDouble);
  const auto exact = outputs(exactLayers.folded(at::kDouble), input(shape).to(at::kDouble),
                             ConvolutionKernels::kPlain);
  // Inputs, weights and results are rounded to bf16, which has 8 significant bits. In fp32 the
  // rounding errors of long sums grow with the square root of their length; cuDNN may use
  // Winograd's algorithm, as our own kernels do, which rounds more often.
  const auto length = static_cast<double>(shape.in * shape.kernel * shape.kernel);
  const double single = at::hasCUDA() ? 3e-5 : 2e-6 * std::max(1.0, std::sqrt(length / 1024));
  for (const auto& [type, tolerance] : {std::pair{at::kFloat, single}, {at::kBFloat16, 8e-3}}) {
    const Layers layers(shape, device());
    const auto x = input(shape).to(layers.weights[0].options().dtype(type));
    const auto layer = layers.folded(type);
    const auto plain = outputs(layer, x, ConvolutionKernels::kPlain);
    const auto fastest = outputs(layer, x, fastestKernels(x.options()));
    for (size_t i = 0; i < plain.size(); ++i) {
      INFO(type, ", output ", i);
      const double scale = exact[i].norm().item<double>() + 1e-3;
      const auto off = [&](const at::Tensor& y) {
        return (y.to(at::kCPU, at::kDouble) - exact[i]).norm().item<double>() / scale;
      };
      checkWithin("plain, " + describe(shape), off(plain[i]), tolerance);
      checkWithin("fused, " + describe(shape), off(fastest[i]), tolerance);
    }
  }
}

}  // namespace

TEST_CASE("a folded convolution is the convolution with its BatchNorm in evaluation mode") {
  for (const auto& shape : kShapes) {
    INFO(describe(shape));
    const Layers layers(shape, at::kDouble);
    const auto x = input(shape).to(at::kDouble);
    const auto pass = layers.pass();
    const auto expected =
        batchNorm(layers.convolution(pass, x), layers.norm.state(pass), Epilogue::kNone).first;
    const auto folded = outputs(layers.folded(at::kDouble), x, ConvolutionKernels::kPlain);
    CHECK(at::allclose(folded[0], expected.relu(), 1e-12, 1e-12));
    CHECK(at::allclose(folded[1], expected, 1e-12, 1e-12));
    CHECK(at::allclose(folded[2], (expected + shortcutLike(expected)).relu(), 1e-12, 1e-12));
  }
}

TEST_CASE("the fastest kernels compute what the plain ones do, in ResNets and with odd sizes") {
  for (const auto& shape : kShapes) checkFastest(shape);
  const auto shapes = resnetShapes();
  CHECK(shapes.size() == 57);
  for (const auto& shape : shapes) checkFastest(shape);
}

TEST_CASE("NaN that lies in the memory of the result does not get into it") {
  if (!at::hasCUDA()) return;  // no GPU
  for (const auto& shape : resnetShapes()) {
    const Layers layers(shape, device());
    for (const auto type : {at::kFloat, at::kBFloat16}) {
      INFO(describe(shape), ", ", type);
      SharedZeros zeros;
      const auto layer = layers.folded(type);
      const auto x = input(shape).to(layers.weights[0].options().dtype(type));
      const auto expected = layer.relu(x, ConvolutionKernels::kPlain, zeros);
      layer.relu(x, ConvolutionKernels::kCudnn, zeros);  // chooses its algorithm
      at::full_like(expected,
                    std::numeric_limits<double>::quiet_NaN());  // the next result's memory
      const auto y = layer.relu(x, ConvolutionKernels::kCudnn, zeros);
      CHECK(at::allclose(y, expected, 2e-2, 2e-2));
    }
  }
}

TEST_CASE("where there is no cuDNN, its layers fall back to the plain operators, and say why") {
  if (at::hasCUDA()) return;
  SharedZeros zeros;
  const Layers layers({8, 16, 3, 2, 5, 4, 2}, at::kFloat);
  const auto layer = layers.folded(at::kFloat);
  const auto x = input({8, 16, 3, 2, 5, 4, 2});
  const auto plain = outputs(layer, x, ConvolutionKernels::kPlain);
  CHECK_FALSE(layer.fallback());
  const auto fused = outputs(layer, x, ConvolutionKernels::kCudnn);
  for (size_t i = 0; i < plain.size(); ++i) CHECK(fused[i].equal(plain[i]));
  REQUIRE(layer.fallback());
  CHECK(layer.fallback()->find("cudnn_convolution_add_relu") != std::string::npos);
}

TEST_CASE("there are only plain kernels for fp64") {
  CHECK(fastestKernels(at::dtype(at::kDouble)) == ConvolutionKernels::kPlain);
}

TEST_CASE("a weight or statistic that is not finite is noticed") {
  Layers layers({8, 16, 3, 1, 4, 4, 1}, at::kFloat);
  CHECK(layers.folded(at::kFloat).isFinite().item<bool>());
  (*layers.statistics)[1][5] = -1;  // a negative variance
  CHECK_FALSE(layers.folded(at::kFloat).isFinite().item<bool>());
  Layers infinite({8, 16, 3, 1, 4, 4, 1}, at::kFloat);
  infinite.weights[0][3][2][1][1] = std::numeric_limits<float>::infinity();
  CHECK_FALSE(infinite.folded(at::kBFloat16).isFinite().item<bool>());
}
