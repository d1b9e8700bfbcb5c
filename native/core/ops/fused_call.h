#pragma once

#include <ATen/ATen.h>

#include <limits>

#include "core/ops/convolution_shape.h"

namespace moco::fused {

/// The weight of a fused convolution as its kernels want it.
struct PackedWeight {
  at::Tensor numbers;
  at::Tensor scales;  // fp32: what one step of a column's integers stands for; undefined for fp32
};

/// What FusedConvolution is asked for, with the numbers where they lie in memory.
template <typename T>
struct Call {
  ConvolutionShape shape;
  const T* x;
  const void* weight;   // packed
  const float* scales;  // null for fp32
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

/// The weight (out, in, 3, 3), fp32, as `convolveByWinograd` wants it for activations of this type
/// and this stride, 1 or 2: G w Gᵀ, in panels and slices of these.
PackedWeight transformed(const at::Tensor& weight, at::ScalarType activations, int64_t stride);
/// Computes by Winograd's minimal filtering, some tiles of the pictures at a time.
template <typename T>
void convolveByWinograd(const Call<T>& call);

}  // namespace moco::fused
