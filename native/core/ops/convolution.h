#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace moco {

/// `at::conv2d` without bias; it and its gradients come from kernels of our own where those are
/// faster than PyTorch's (winograd_convolution.h, pointwise_convolution.h,
/// convolution_weight_gradient.h).
/// @param x       (B, in, H, W)
/// @param weight  (out, in, k, k)
/// @return        (B, out, H', W'); from kernels of our own channels last
/// @throws c10::Error  where the shapes do not fit, and in a second derivative by our kernels
at::Tensor convolution(const at::Tensor& x, const at::Tensor& weight, int64_t stride,
                       int64_t padding);

}  // namespace moco
