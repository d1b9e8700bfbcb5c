#pragma once

#include <ATen/ATen.h>

#include "core/ops/convolution_shape.h"

/// Convolutions with a 1×1 kernel and no padding, in bf16: each pixel's channels are multiplied
/// with the weight, the products are added up in fp32, and the sums are rounded to bf16. No result
/// depends on the number of threads.
namespace moco {

/// Whether `pointwiseConvolution` can compute this convolution, and is faster than oneDNN on this
/// processor.
bool usesPointwiseConvolution(const ConvolutionShape& shape);
/// Whether `pointwiseConvolutionInputGradient` can compute its gradient, and is faster than oneDNN.
bool usesPointwiseConvolutionInputGradient(const ConvolutionShape& shape);

/// @param x       (B, in, H, W), bf16
/// @param weight  (out, in, 1, 1), bf16
/// @return        (B, out, outHeight, outWidth), bf16, channels last
at::Tensor pointwiseConvolution(const at::Tensor& x, const at::Tensor& weight,
                                const ConvolutionShape& shape);

/// The gradient by the input. Pixels that the stride leaves out have a gradient of zero.
/// @param dy      (B, out, outHeight, outWidth), bf16
/// @param weight  (out, in, 1, 1), bf16
/// @return        (B, in, H, W), bf16, channels last
at::Tensor pointwiseConvolutionInputGradient(const at::Tensor& dy, const at::Tensor& weight,
                                             const ConvolutionShape& shape);

}  // namespace moco
