#pragma once

#include <ATen/ATen.h>

#include <limits>

#include "core/ops/convolution_shape.h"

namespace moco::fused {

/// The weight of a fused convolution as its kernels want it.
struct PackedWeight {
  at::Tensor numbers;
  at::Tensor scales;  // fp32: what one step of a column's integers stands for; only for integers
};

/// What FusedConvolution is asked for, with the numbers where they lie in memory.
template <typename T>
struct Call {
  ConvolutionShape shape;
  const T* x;
  const void* weight;   // packed
  const float* scales;  // null where the weight is not of integers
  const float* bias;
  const T* addend;  // null: none
  bool relu;
  T* y;

  template <typename Number>
  const Number* weightAs() const {
    return static_cast<const Number*>(weight);
  }
  float least() const { return relu ? 0 : -std::numeric_limits<float>::infinity(); }
};

/// The weight (out, in, k, k), fp32, as `convolve` wants it for activations of this type: panels of
/// columns of the product (fused_convolution_kernels.h).
PackedWeight packed(const at::Tensor& weight, at::ScalarType activations);
/// Multiplies the pixels under the kernel, of some output pixels at a time, with the weight.
template <typename T>
void convolve(const Call<T>& call);

/// The weight (out, in, k, k) as `convolveInTiles` wants it: rounded to bf16, in panels of columns
/// (fused_tiles_kernels.h).
PackedWeight packedForTiles(const at::Tensor& weight);
/// The same of the weight that gives the gradient by the input: (in, out, k, k), turned by 180°.
/// @param weight  (out, in, k, k), bf16; out and in are multiples of 32
PackedWeight packedForTilesTurnedRound(const at::Tensor& weight);
/// Multiplies bf16 in the tiles of AMX.
void convolveInTiles(const Call<c10::BFloat16>& call);
/// The gradient of a convolution of this shape by its input, in the tiles of AMX: x is the gradient
/// by the output, and y the result. Every pixel of the input must be under a tap.
/// @param call.weight  packedForTilesTurnedRound
void inputGradientInTiles(const Call<c10::BFloat16>& call);

/// The weight (out, in, 3, 3), fp32, as `convolveByWinograd` wants it for activations of this type
/// and this stride, 1 or 2: G w Gᵀ, in panels and slices of these.
PackedWeight transformed(const at::Tensor& weight, at::ScalarType activations, int64_t stride);
/// Computes by Winograd's minimal filtering, some tiles of the pictures at a time.
template <typename T>
void convolveByWinograd(const Call<T>& call);

}  // namespace moco::fused
