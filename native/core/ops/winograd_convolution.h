#pragma once

#include <ATen/ATen.h>

#include "core/ops/convolution_shape.h"

/// Convolutions with a 3×3 kernel, stride 1 and a padding of 1, in bf16, by Winograd's minimal
/// filtering in fp32 (winograd_convolution_kernels.h). It needs a quarter of the multiplications,
/// at half the rate of those in bf16.
///
/// The results are rounded to bf16. Beside rounding they have an error of some 2⁻²⁰ of the largest
/// sum of magnitudes in their tile of 4 × 4 pixels. It shows only in results whose terms cancel to
/// less than a thousandth of that sum. No result depends on the number of threads.
namespace moco {

/// Whether the two functions below and `winogradConvolutionWeightGradient` can compute this
/// convolution and its gradients, and are faster on this processor than multiplying in bf16.
bool usesWinogradConvolution(const ConvolutionShape& shape);

/// @param x       (B, in, H, W), bf16
/// @param weight  (out, in, 3, 3), bf16
/// @return        (B, out, H, W), bf16, channels last
at::Tensor winogradConvolution(const at::Tensor& x, const at::Tensor& weight);

/// The gradient by the input.
/// @param dy      (B, out, H, W), bf16
/// @param weight  (out, in, 3, 3), bf16
/// @return        (B, in, H, W), bf16, channels last
at::Tensor winogradConvolutionInputGradient(const at::Tensor& dy, const at::Tensor& weight);

}  // namespace moco
