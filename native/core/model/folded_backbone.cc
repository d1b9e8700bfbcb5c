#include "core/model/folded_backbone.h"

#include <utility>

namespace moco {

FoldedBackbone::FoldedBackbone(const Backbone& backbone, const Pass& masters,
                               at::ScalarType compute)
    : backbone_(backbone),
      stem_(fold(backbone.stem(), masters, compute)),
      fastest_(fastestKernels(masters.buffers.flat().options().dtype(compute))) {
  for (const auto& block : backbone.blocks()) {
    Block folded;
    for (const auto& layer : block.body) folded.body.push_back(fold(layer, masters, compute));
    if (block.shortcut) folded.shortcut = fold(*block.shortcut, masters, compute);
    blocks_.push_back(std::move(folded));
  }
  chooseKernels();
}

void FoldedBackbone::refold(const Pass& masters) {
  for (FoldedConvolution* layer : layers()) layer->refold(masters);
  chooseKernels();
}

FoldedConvolution FoldedBackbone::fold(const Backbone::ConvNorm& layer, const Pass& masters,
                                       at::ScalarType compute) {
  return {layer.convolution, layer.norm, masters, compute};
}

std::vector<FoldedConvolution*> FoldedBackbone::layers() {
  std::vector<FoldedConvolution*> layers{&stem_};
  for (auto& block : blocks_) {
    for (auto& layer : block.body) layers.push_back(&layer);
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

at::Tensor FoldedBackbone::apply(const Block& block, const at::Tensor& x) const {
  const at::Tensor shortcut = block.shortcut ? (*block.shortcut)(x, kernels_) : x;
  at::Tensor y = x;
  for (size_t i = 0; i + 1 < block.body.size(); ++i) y = block.body[i].relu(y, kernels_);
  return block.body.back().addRelu(y, shortcut, kernels_);
}

at::Tensor FoldedBackbone::operator()(const at::Tensor& pictures) const {
  at::Tensor x = backbone_.pool(stem_.relu(pictures, kernels_));
  for (const auto& block : blocks_) x = apply(block, x);
  return x.mean({2, 3});
}

}  // namespace moco
