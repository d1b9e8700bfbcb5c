#pragma once

#include <ATen/ATen.h>

namespace moco {

/// The gradient by the weight of the convolutions that `usesWinogradConvolution`, by Winograd's
/// minimal filtering as well, and with the errors that winograd_convolution.h states; here the
/// largest sum is that in all tiles.
/// @param dy  (B, out, H, W), bf16
/// @param x   (B, in, H, W), bf16
/// @return    (out, in, 3, 3), bf16, channels last
/// @throws c10::Error  where the pictures of dy and x are not the same, or there are none
at::Tensor winogradConvolutionWeightGradient(const at::Tensor& dy, const at::Tensor& x);

}  // namespace moco
