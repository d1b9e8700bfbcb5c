#pragma once

#include <ATen/ATen.h>

#include "core/ops/convolution_shape.h"

/// Convolutions with a 1×1 kernel and no border, in bf16: products of pixels with the weight, added
/// up in fp32 and rounded to bf16. Nothing depends on the number of threads.
namespace moco {

/// Whether `pointwiseConvolution` can be called, and is faster than oneDNN on this processor.
bool usesPointwise(const ConvolutionShape& shape);
/// … `pointwiseInputGradient`.
bool usesPointwiseInputGradient(const ConvolutionShape& shape);

/// @param x       (B, in, H, W), bf16
/// @param weight  (out, in, 1, 1), bf16
/// @return        (B, out, outHeight, outWidth), bf16, channels last
at::Tensor pointwiseConvolution(const at::Tensor& x, const at::Tensor& weight,
                                const ConvolutionShape& shape);

/// The gradient by the input: zeros at pixels that the stride leaves out.
/// @param dy  (B, out, outHeight, outWidth), bf16
/// @return    (B, in, H, W), bf16, channels last
at::Tensor pointwiseInputGradient(const at::Tensor& dy, const at::Tensor& weight,
                                  const ConvolutionShape& shape);

}  // namespace moco
