#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/model/layers.h"
#include "core/model/shared_zeros.h"
#include "core/ops/fused_convolution.h"

namespace moco {

/// Ways to compute a convolution with the bias, addition and ReLU that follow it.
enum class ConvolutionKernels {
  kPlain,  // one operator after the other
  /// Our own for the CPU, in fp32 or bf16 (fused_convolution.h). A layer that they cannot compute
  /// is computed by the plain ones.
  kOwn,
  /// One call of oneDNN for all of it, on the CPU in fp32 or bf16. Its ReLU turns NaN into zero.
  /// For weights that are not finite the plain kernels are therefore needed: the fault would
  /// otherwise go unnoticed.
  kOneDnn,
  /// One call of cuDNN for all of it, on an NVIDIA GPU in fp32 or bf16. A layer for which cuDNN has
  /// no such kernel is computed by the plain ones; `FoldedConvolution::fallback` then says why.
  kCudnn,
};

/// The fastest kernels for tensors of this type, on this device, in this build of LibTorch.
ConvolutionKernels fastestKernels(const at::TensorOptions& options);

/// A convolution into which the BatchNorm that follows it is folded, for evaluation mode. There,
/// BatchNorm is y = scale · x + shift: the scale goes into the weights and the shift becomes the
/// bias.
class FoldedConvolution {
 public:
  /// @param masters  the parameters and running statistics to fold, in full precision; copied
  /// @param compute  the type to compute in
  FoldedConvolution(const Convolution& convolution, const BatchNorm& norm, const Pass& masters,
                    at::ScalarType compute);

  /// Folds changed parameters and statistics into the same tensors as before, because a recorded
  /// CUDA graph reads those.
  void refold(const Pass& masters);

  /// The convolution with its bias.
  /// @param x  (B, in, H, W), channels last
  at::Tensor operator()(const at::Tensor& x, ConvolutionKernels kernels) const;
  /// relu(convolution(x)).
  /// @param zeros  of all layers that compute on this device in this type
  at::Tensor relu(const at::Tensor& x, ConvolutionKernels kernels, SharedZeros& zeros) const;
  /// relu(convolution(x) + shortcut).
  /// @param shortcut  has the shape of the result, which may be written to its memory
  at::Tensor addRelu(const at::Tensor& x, at::Tensor shortcut, ConvolutionKernels kernels) const;

  /// Memory for a result, channels last.
  at::Tensor emptyResult(const at::Tensor& x) const;
  /// y = convolution(x), by our own kernels or the plain ones.
  /// @param y  as `emptyResult`
  void ownTo(const at::Tensor& x, const at::Tensor& y) const;
  /// y = relu(convolution(x) + y), likewise.
  void ownAddReluTo(const at::Tensor& x, const at::Tensor& y) const;

  /// Whether weights and bias are finite: a boolean scalar on the device.
  at::Tensor isFinite() const;

  /// What our own kernels' weights take beside the layer's, in bytes.
  int64_t packedBytes() const { return own_ ? own_->packedBytes() : 0; }

  /// Which parameter the layer's weight is: its index in `Pass::weights`.
  size_t weight() const { return convolution_.weight; }
  /// Why cuDNN could not compute the layer in one call, so that the plain operators do. Absent
  /// where it could, or was not asked.
  const std::optional<std::string>& fallback() const { return fallback_; }

 private:
  at::Tensor plain(const at::Tensor& x) const;
  at::Tensor own(const at::Tensor& x, const at::Tensor& addend, bool relu) const;
  /// Shape of the layer's output.
  std::vector<int64_t> outputShape(const at::Tensor& x) const;
  /// relu(convolution(x) + factor · addend).
  /// @return  nothing if cuDNN has no kernel for it; it is asked only until it has said so once
  std::optional<at::Tensor> cudnnAddRelu(const at::Tensor& x, const at::Tensor& addend,
                                         double factor) const;

  Convolution convolution_;
  BatchNorm norm_;
  at::Tensor weight_;                            // (out, in, k, k), channels last
  at::Tensor bias_;                              // (out)
  std::optional<FusedConvolution> own_;          // where our own kernels can compute the layer
  mutable std::optional<std::string> fallback_;  // why a call of cuDNN has failed
};

}  // namespace moco
