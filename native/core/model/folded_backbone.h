#pragma once

#include <ATen/ATen.h>

#include <optional>
#include <vector>

#include "core/model/backbone.h"
#include "core/model/folded_convolution.h"

namespace moco {

/// A backbone that only evaluates: BatchNorm is folded into the convolutions, and what follows them
/// is fused with them where there are kernels for it. It has weights of its own, and later changes
/// of the backbone's do not show before `refold`.
class FoldedBackbone {
 public:
  /// @param backbone  must outlive this
  /// @param masters   its parameters and running statistics, in full precision
  /// @param compute   type to compute with
  FoldedBackbone(const Backbone& backbone, const Pass& masters, at::ScalarType compute);

  /// Takes over changed masters, into the tensors that it has: a recorded CUDA graph reads them.
  void refold(const Pass& masters);

  /// Whether all weights are. Where not, other kernels compute, which keep NaN.
  bool isFinite() const { return isFinite_; }

  /// @param pictures  (B, 3, H, W), channels last, of type `compute`
  /// @return          (B, C), as of the backbone in evaluation mode, but for rounding
  at::Tensor operator()(const at::Tensor& pictures) const;

 private:
  struct Block {
    std::vector<FoldedConvolution> body;
    std::optional<FoldedConvolution> shortcut;
  };
  static FoldedConvolution fold(const Backbone::ConvNorm& layer, const Pass& masters,
                                at::ScalarType compute);
  std::vector<FoldedConvolution*> layers();
  void chooseKernels();
  at::Tensor apply(const Block& block, const at::Tensor& x) const;

  const Backbone& backbone_;
  FoldedConvolution stem_;
  std::vector<Block> blocks_;
  ConvolutionKernels fastest_;
  ConvolutionKernels kernels_ = ConvolutionKernels::kPlain;
  bool isFinite_ = false;
};

}  // namespace moco
