#include "core/model/folded_backbone.h"

#include <utility>

#include "core/device/device.h"

namespace moco {

FoldedBackbone::FoldedBackbone(const Backbone& backbone, const Pass& masters,
                               at::ScalarType compute, ConvolutionKernels kernels)
    : backbone_(backbone), stem_(fold(backbone.stem(), masters, compute)), fastest_(kernels) {
  for (const auto& block : backbone.blocks()) {
    Block folded;
    for (const auto& layer : block.body) folded.body.push_back(fold(layer, masters, compute));
    if (block.shortcut) folded.shortcut = fold(*block.shortcut, masters, compute);
    blocks_.push_back(std::move(folded));
  }
  chooseKernels();
}

void FoldedBackbone::refold(const Pass& masters) {
  stem_.refold(masters);
  for (auto& block : blocks_) {
    for (auto& layer : block.body) layer.refold(masters);
    if (block.shortcut) block.shortcut->refold(masters);
  }
  chooseKernels();
}

FoldedConvolution FoldedBackbone::fold(const Backbone::ConvNorm& layer, const Pass& masters,
                                       at::ScalarType compute) {
  return {layer.convolution, layer.norm, masters, compute};
}

std::vector<const FoldedConvolution*> FoldedBackbone::layers() const {
  std::vector<const FoldedConvolution*> layers{&stem_};
  for (const auto& block : blocks_) {
    for (const auto& layer : block.body) layers.push_back(&layer);
    if (block.shortcut) layers.push_back(&*block.shortcut);
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

at::Tensor FoldedBackbone::operator()(const at::Tensor& pictures) const {
  const CudnnHeuristics heuristics;
  at::Tensor x = backbone_.pool(relu(stem_, pictures));
  for (const auto& block : blocks_) x = apply(block, x);
  return x.mean({2, 3});
}

}  // namespace moco
