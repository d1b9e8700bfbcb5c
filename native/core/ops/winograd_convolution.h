#pragma once

#include <ATen/ATen.h>

#include "core/ops/convolution_shape.h"

/// Convolutions of stride 1 with a 3×3 kernel and a border of zeros, in bf16, by Winograd's minimal
/// filtering in fp32 (winograd_convolution_kernels.h): a quarter of the multiplications, at half
/// the rate of those in bf16. Rounded to bf16, the results have the error of rounding, and some
/// 2⁻²⁰ of the largest sum of magnitudes in their tile of 4 × 4 pixels (the gradient by the weight:
/// in all tiles), which shows only in results that cancel to a thousandth of that. Nothing depends
/// on the number of threads.
namespace moco {

/// Whether the following can be called, and are faster than multiplying in bf16 on this processor.
bool usesWinograd(const ConvolutionShape& shape);

/// @param x       (B, in, H, W), bf16
/// @param weight  (out, in, 3, 3), bf16
/// @return        (B, out, H, W), bf16, channels last
at::Tensor winogradConvolution(const at::Tensor& x, const at::Tensor& weight);

/// The gradient by the input.
/// @param dy      (B, out, H, W), bf16
/// @param weight  (out, in, 3, 3), bf16
/// @return        (B, in, H, W), bf16, channels last
at::Tensor winogradInputGradient(const at::Tensor& dy, const at::Tensor& weight);

/// The gradient by the weight.
/// @param dy  (B, out, H, W), bf16
/// @param x   (B, in, H, W), bf16
/// @return    (out, in, 3, 3), bf16, channels last
at::Tensor winogradWeightGradient(const at::Tensor& dy, const at::Tensor& x);

}  // namespace moco
