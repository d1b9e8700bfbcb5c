#pragma once

#include <ATen/ATen.h>

#include <optional>
#include <string>
#include <vector>

#include "core/model/backbone.h"
#include "core/model/folded_convolution.h"

namespace moco {

/// A layer that cuDNN could not compute in one call.
struct Fallback {
  std::string layer;  // as in the state dict: `f.0`
  std::string reason;
};

/// A backbone for evaluation only. BatchNorm is folded into the convolutions, and the addition and
/// ReLU that follow are fused with them where there are kernels for it. It has a copy of the
/// weights: later changes of the backbone take effect only at `refold`.
class FoldedBackbone {
 public:
  /// @param backbone  must outlive this
  /// @param masters   the backbone's parameters and running statistics, in full precision
  /// @param compute   the type to compute in
  /// @param kernels   that compute while all weights are finite
  FoldedBackbone(const Backbone& backbone, const Pass& masters, at::ScalarType compute,
                 ConvolutionKernels kernels);

  /// Folds changed parameters and statistics into the same tensors as before, because a recorded
  /// CUDA graph reads those.
  void refold(const Pass& masters);

  /// Whether all weights are finite. If not, the plain kernels compute, so that NaN reaches the
  /// features.
  bool isFinite() const { return isFinite_; }

  /// What the weights of our own kernels take beside the folded ones, in bytes.
  int64_t packedBytes() const;

  /// The layers that have turned out to need the plain operators.
  /// @param parameters  the backbone's, whose names tell the layers'
  std::vector<Fallback> fallbacks(const NamedTensors& parameters) const;

  /// cuDNN chooses its algorithms by its heuristics. An evaluation has hundreds of chunks and not,
  /// like training, tens of thousands of steps, and would not be repaid for timing them all.
  /// @param pictures  (B, 3, H, W), channels last, of type `compute`
  /// @return          (B, C), what the backbone gives in evaluation mode, up to rounding
  at::Tensor operator()(const at::Tensor& pictures) const;

 private:
  struct Block {
    std::vector<FoldedConvolution> body;
    std::optional<FoldedConvolution> shortcut;
  };
  using Stage = std::vector<Block>;  // begins where the size of pictures or their channels change
  static FoldedConvolution fold(const Backbone::ConvNorm& layer, const Pass& masters,
                                at::ScalarType compute);
  std::vector<const FoldedConvolution*> layers() const;
  void chooseKernels();
  at::Tensor relu(const FoldedConvolution& layer, const at::Tensor& x) const;
  at::Tensor apply(const Block& block, const at::Tensor& x) const;
  at::Tensor applyStage(const Stage& stage, at::Tensor x) const;
  /// The same by our own kernels, in which each thread computes some pictures at a time: what a
  /// stage computes of few pictures stays in a core's cache. Blocks without a convolution in their
  /// shortcut write over what they are given, so that a stage that begins with one does so, too.
  at::Tensor applyInParts(const Stage& stage, const at::Tensor& x) const;
  /// Some pictures of that.
  /// @param y  takes the result; `x` where the first block has no convolution in its shortcut
  void applyTo(const Stage& stage, at::Tensor x, const at::Tensor& y) const;

  const Backbone& backbone_;
  FoldedConvolution stem_;
  std::vector<Stage> stages_;
  mutable SharedZeros zeros_;
  ConvolutionKernels fastest_;
  ConvolutionKernels kernels_ = ConvolutionKernels::kPlain;
  bool isFinite_ = false;
};

}  // namespace moco
