#pragma once

#include <ATen/ATen.h>

#include "core/ops/convolution_shape.h"
#include "core/ops/fused_call.h"

namespace moco {

/// A convolution of constant weights, with the bias, the addition and the ReLU that follow it in
/// the same pass, in kernels of our own for the CPU. The weights are packed once. Activations are
/// fp32 or bf16. No result depends on the number of threads or on the other pictures of the batch.
///
/// With a 3×3 kernel and stride 1 or 2 it computes by Winograd's minimal filtering
/// (fused_winograd_transforms.h). All products of fp32 are in fp32. Those of bf16 are of
/// integers of 16 bits, with scales for their rows and columns (fused_convolution_kernels.h), which
/// is several times more exact than rounding to bf16. On processors with AMX they are of bf16, in
/// its tiles (fused_tiles_kernels.h), for all kernels.
class FusedConvolution {
 public:
  /// Whether there are kernels for it on this processor.
  /// @param weight       (out, in, k, k)
  /// @param activations  the type of x and y
  static bool isPossible(const at::Tensor& weight, at::ScalarType activations);

  /// For what `isPossible`.
  /// @param weight       (out, in, k, k), fp32
  /// @param bias         (out), fp32
  FusedConvolution(const at::Tensor& weight, const at::Tensor& bias, at::ScalarType activations,
                   int64_t stride, int64_t padding);

  /// Packs other weights of the same shape into the same memory.
  void repack(const at::Tensor& weight, const at::Tensor& bias);

  /// What packed weights take, in bytes: those of Winograd's filtering 4 times as much as others.
  /// @param weights  number of elements of the weight
  static int64_t packedBytes(int64_t weights, int64_t kernel, int64_t stride,
                             at::ScalarType activations);
  int64_t packedBytes() const { return static_cast<int64_t>(weight_.numbers.nbytes()); }

  /// y = convolution(x) + bias + addend, then ReLU where asked.
  /// @param x       (B, in, H, W), channels last
  /// @param addend  of the shape and type of y, channels last; undefined: nothing is added
  /// @param y       (B, out, H', W'), channels last; it may be `addend`
  void operator()(const at::Tensor& x, const at::Tensor& addend, bool relu,
                  const at::Tensor& y) const;

 private:
  bool usesWinograd() const;
  fused::PackedWeight pack(const at::Tensor& weight) const;
  template <typename T>
  void compute(const at::Tensor& x, const at::Tensor& addend, bool relu, const at::Tensor& y) const;

  at::ScalarType activations_;
  int64_t out_, in_, kernel_, stride_, padding_;
  fused::PackedWeight weight_;
  at::Tensor bias_;  // (out), fp32
};

}  // namespace moco
