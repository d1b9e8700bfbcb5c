#pragma once

#include <ATen/ATen.h>

#include <optional>
#include <vector>

#include "core/model/backbone.h"
#include "core/model/folded_convolution.h"

namespace moco {

/// A backbone for evaluation only. BatchNorm is folded into the convolutions, and the addition and
/// ReLU that follow are fused with them where there are kernels for it. It has a copy of the
/// weights: later changes of the backbone take effect only at `refold`.
class FoldedBackbone {
 public:
  /// @param backbone  must outlive this
  /// @param masters   the backbone's parameters and running statistics, in full precision
  /// @param compute   the type to compute in
  FoldedBackbone(const Backbone& backbone, const Pass& masters, at::ScalarType compute);

  /// Folds changed parameters and statistics into the same tensors as before, because a recorded
  /// CUDA graph reads those.
  void refold(const Pass& masters);

  /// Whether all weights are finite. If not, the plain kernels compute, so that NaN reaches the
  /// features.
  bool isFinite() const { return isFinite_; }

  /// @param pictures  (B, 3, H, W), channels last, of type `compute`
  /// @return          (B, C), what the backbone gives in evaluation mode, up to rounding
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
