#include "core/model/folded_backbone.h"

#include <ATen/Parallel.h>
#include <ATen/ceil_div.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <utility>

#include "core/base/threads.h"
#include "core/device/device.h"

namespace moco {
namespace {

/// How many pictures a thread takes through a stage at a time. The more, the less often the weights
/// come from memory; the fewer, the nearer to the core the activations stay.
/// @param positions  height × width of what the stage gives
int64_t partLength(int64_t pictures, int64_t positions) {
  constexpr int64_t kPositions = 1024;
  const int64_t threads = at::get_num_threads();
  const int64_t most = at::ceil_div(kPositions, positions);
  const int64_t rounds = at::ceil_div(pictures, threads * most);
  return at::ceil_div(pictures, threads * rounds);
}

}  // namespace

FoldedBackbone::FoldedBackbone(const Backbone& backbone, const Pass& masters,
                               at::ScalarType compute, ConvolutionKernels kernels)
    : backbone_(backbone), stem_(fold(backbone.stem(), masters, compute)), fastest_(kernels) {
  for (const auto& block : backbone.blocks()) {
    Block folded;
    for (const auto& layer : block.body) folded.body.push_back(fold(layer, masters, compute));
    if (block.shortcut) folded.shortcut = fold(*block.shortcut, masters, compute);
    if (folded.shortcut || stages_.empty()) stages_.emplace_back();
    stages_.back().push_back(std::move(folded));
  }
  chooseKernels();
}

void FoldedBackbone::refold(const Pass& masters) {
  stem_.refold(masters);
  for (auto& stage : stages_) {
    for (auto& block : stage) {
      for (auto& layer : block.body) layer.refold(masters);
      if (block.shortcut) block.shortcut->refold(masters);
    }
  }
  chooseKernels();
}

FoldedConvolution FoldedBackbone::fold(const Backbone::ConvNorm& layer, const Pass& masters,
                                       at::ScalarType compute) {
  return {layer.convolution, layer.norm, masters, compute};
}

std::vector<const FoldedConvolution*> FoldedBackbone::layers() const {
  std::vector<const FoldedConvolution*> layers{&stem_};
  for (const auto& stage : stages_) {
    for (const auto& block : stage) {
      for (const auto& layer : block.body) layers.push_back(&layer);
      if (block.shortcut) layers.push_back(&*block.shortcut);
    }
  }
  return layers;
}

void FoldedBackbone::chooseKernels() {
  std::vector<at::Tensor> finite;
  for (const FoldedConvolution* layer : layers()) finite.push_back(layer->isFinite());
  // One transfer for all layers, because every transfer waits for the device.
  isFinite_ = at::stack(finite).all().item<bool>();
  kernels_ = isFinite_ ? fastest_ : ConvolutionKernels::kPlain;
}

int64_t FoldedBackbone::packedBytes() const {
  int64_t bytes = 0;
  for (const FoldedConvolution* layer : layers()) bytes += layer->packedBytes();
  return bytes;
}

std::vector<Fallback> FoldedBackbone::fallbacks(const NamedTensors& parameters) const {
  std::vector<Fallback> fallbacks;
  for (const FoldedConvolution* layer : layers()) {
    if (!layer->fallback()) continue;
    const std::string& weight = parameters.name(layer->weight());
    fallbacks.push_back({weight.substr(0, weight.rfind('.')), *layer->fallback()});
  }
  return fallbacks;
}

at::Tensor FoldedBackbone::relu(const FoldedConvolution& layer, const at::Tensor& x) const {
  return layer.relu(x, kernels_, zeros_);
}

at::Tensor FoldedBackbone::apply(const Block& block, const at::Tensor& x) const {
  const at::Tensor shortcut = block.shortcut ? (*block.shortcut)(x, kernels_) : x;
  at::Tensor y = x;
  for (size_t i = 0; i + 1 < block.body.size(); ++i) y = relu(block.body[i], y);
  return block.body.back().addRelu(y, shortcut, kernels_);
}

at::Tensor FoldedBackbone::applyStage(const Stage& stage, at::Tensor x) const {
  for (const auto& block : stage) x = apply(block, x);
  return x;
}

void FoldedBackbone::applyTo(const Stage& stage, at::Tensor x, const at::Tensor& y) const {
  for (const auto& block : stage) {
    if (block.shortcut) block.shortcut->ownTo(x, y);
    for (size_t i = 0; i + 1 < block.body.size(); ++i) x = relu(block.body[i], x);
    block.body.back().ownAddReluTo(x, y);
    x = y;
  }
}

at::Tensor FoldedBackbone::applyInParts(const Stage& stage, const at::Tensor& x) const {
  const auto& shortcut = stage.front().shortcut;
  const at::Tensor y = shortcut ? shortcut->emptyResult(x) : x;
  const int64_t pictures = x.size(0);
  if (pictures < int64_t{2} * at::get_num_threads()) {
    applyTo(stage, x, y);
    return y;
  }
  const int64_t length = partLength(pictures, y.size(2) * y.size(3));
  parallelFor(at::ceil_div(pictures, length), [&](int64_t begin, int64_t end) {
    const at::NoGradGuard noGrad;
    for (int64_t part = begin; part < end; ++part) {
      const int64_t first = part * length, count = std::min(length, pictures - first);
      applyTo(stage, x.narrow(0, first, count), y.narrow(0, first, count));
    }
  });
  return y;
}

at::Tensor FoldedBackbone::operator()(const at::Tensor& pictures) const {
  const CudnnHeuristics heuristics;
  at::Tensor x = backbone_.pool(relu(stem_, pictures));
  for (const auto& stage : stages_) {
    x = kernels_ == ConvolutionKernels::kOwn ? applyInParts(stage, x) : applyStage(stage, x);
  }
  return x.mean({2, 3});
}

}  // namespace moco
