#pragma once

#include <ATen/ATen.h>

#include "core/ops/convolution_shape.h"

/// Convolutions of a training step in bf16, in the tiles of AMX (fused_tiles_kernels.h,
/// tile_weight_gradient_kernels.h). Products are added up in fp32, and the sums are rounded to
/// bf16. No result depends on the number of threads.
namespace moco {

/// Whether this processor has tiles, and they can compute a convolution of this shape.
bool usesTileConvolution(const ConvolutionShape& shape);
/// The same of the gradient by the input.
bool usesTileConvolutionInputGradient(const ConvolutionShape& shape);
/// The same of the gradient by the weight.
bool usesTileConvolutionWeightGradient(const ConvolutionShape& shape);

/// @param x       (B, in, H, W), bf16
/// @param weight  (out, in, k, k), bf16
/// @return        (B, out, outHeight, outWidth), bf16, channels last
at::Tensor tileConvolution(const at::Tensor& x, const at::Tensor& weight,
                           const ConvolutionShape& shape);

/// The gradient by the input: the convolution of the output's gradient with the kernel turned
/// round.
/// @param dy      (B, out, outHeight, outWidth), bf16
/// @param weight  (out, in, k, k), bf16
/// @return        (B, in, H, W), bf16, channels last
at::Tensor tileConvolutionInputGradient(const at::Tensor& dy, const at::Tensor& weight,
                                        const ConvolutionShape& shape);

/// The gradient by the weight: Σ x · dy over all pixels.
/// @param dy  (B, out, outHeight, outWidth), bf16
/// @param x   (B, in, H, W), bf16
/// @return    (out, in, k, k), bf16, channels last
at::Tensor tileConvolutionWeightGradient(const at::Tensor& dy, const at::Tensor& x,
                                         const ConvolutionShape& shape);

}  // namespace moco
