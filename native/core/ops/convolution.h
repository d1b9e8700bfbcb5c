#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace moco {

/// `at::conv2d` without bias. The output and its gradients come from kernels of our own where those
/// are faster than PyTorch's (winograd_convolution.h, pointwise_convolution.h,
/// convolution_weight_gradient.h; with AMX, tile_convolution.h).
/// @param x       (B, in, H, W)
/// @param weight  (out, in, k, k)
/// @return        (B, out, H', W'); channels last where it comes from a kernel of our own
/// @throws c10::Error  where the shapes do not fit, and where a second derivative is asked of our
///                     kernels
at::Tensor convolution(const at::Tensor& x, const at::Tensor& weight, int64_t stride,
                       int64_t padding);

}  // namespace moco
