#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <optional>

#include "core/model/layers.h"

namespace moco {

/// What computes a convolution and what follows it.
enum class ConvolutionKernels {
  kPlain,  // one operator after the other
  /// One call of oneDNN for all, on the CPU in fp32 or bf16. Its ReLU makes zero of NaN: weights
  /// that are not finite need the plain ones, or nobody would ever know.
  kOneDnn,
  /// One call of cuDNN for convolution, bias, addition and ReLU, on an NVIDIA GPU in fp32 or bf16.
  /// Where cuDNN has none for a layer, the plain ones.
  kCudnn,
};

/// The fastest that there are for tensors of this type, on this device, in this build of LibTorch.
ConvolutionKernels fastestKernels(const at::TensorOptions& options);

/// A convolution with the BatchNorm that follows it folded in, in evaluation mode: BatchNorm is
/// affine then, and so its scale goes into the weights and its shift becomes a bias.
class FoldedConvolution {
 public:
  /// @param masters  what to fold, in full precision; copied
  /// @param compute  type to compute with
  FoldedConvolution(const Convolution& convolution, const BatchNorm& norm, const Pass& masters,
                    at::ScalarType compute);

  /// Takes over changed masters, into the tensors that it has: a recorded CUDA graph reads them.
  void refold(const Pass& masters);

  at::Tensor operator()(const at::Tensor& x, ConvolutionKernels kernels) const;
  at::Tensor relu(const at::Tensor& x, ConvolutionKernels kernels) const;
  /// relu(convolution(x) + shortcut).
  /// @param shortcut  its memory may be taken for the result
  at::Tensor addRelu(const at::Tensor& x, at::Tensor shortcut, ConvolutionKernels kernels) const;

  /// A boolean scalar on the device.
  at::Tensor isFinite() const;

 private:
  at::Tensor plain(const at::Tensor& x) const;
  /// relu(convolution(x)), or relu(convolution(x) + shortcut) where there is a shortcut; nothing
  /// where cuDNN cannot, and then at once.
  std::optional<at::Tensor> cudnnRelu(const at::Tensor& x, const at::Tensor& shortcut) const;

  Convolution convolution_;
  BatchNorm norm_;
  at::Tensor weight_;                 // (out, in, k, k), channels last
  at::Tensor bias_;                   // (out)
  mutable bool cudnnCannot_ = false;  // found out by trying
};

}  // namespace moco
