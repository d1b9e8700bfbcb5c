#pragma once

#include <ATen/ATen.h>

#include "core/ops/convolution_shape.h"

/// Convolutions with a 3×3 kernel, stride 1 and a padding of 1, in bf16, of pictures of at most 2 ×
/// 2 pixels. There the kernel covers the whole picture from every pixel, so that the convolution is
/// one product of matrices: a row with all numbers of a picture, times a weight from all pixels to
/// all pixels. A convolution as usual also multiplies the zeros around the pictures: 36 products of
/// every pair of channels in place of 16, or 9 in place of 1 for pictures of one pixel. Such
/// pictures are what the last layers make of small views.
namespace moco {

/// Whether the functions below can compute this convolution and its gradients, and are faster than
/// the other ways.
bool usesDenseConvolution(const ConvolutionShape& shape);

/// @param x       (B, in, H, W), bf16
/// @param weight  (out, in, 3, 3), bf16
/// @return        (B, out, H, W), bf16, channels last
at::Tensor denseConvolution(const at::Tensor& x, const at::Tensor& weight);

/// The gradient by the input.
/// @param dy      (B, out, H, W), bf16
/// @param weight  (out, in, 3, 3), bf16
/// @return        (B, in, H, W), bf16, channels last
at::Tensor denseConvolutionInputGradient(const at::Tensor& dy, const at::Tensor& weight);

/// The gradient by the weight, rounded to bf16 for each pair of pixels before those of one tap are
/// added up in fp32.
/// @param dy  (B, out, H, W), bf16
/// @param x   (B, in, H, W), bf16
/// @return    (out, in, 3, 3), bf16, channels last
at::Tensor denseConvolutionWeightGradient(const at::Tensor& dy, const at::Tensor& x);

}  // namespace moco
