#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace moco {

/// `at::conv2d` without bias; it and its gradients come from kernels of our own where those are
/// faster than PyTorch's (winograd.h, pointwise.h, weight_gradient.h).
/// @param x       (B, in, H, W)
/// @param weight  (out, in, k, k)
at::Tensor convolution(const at::Tensor& x, const at::Tensor& weight, int64_t stride,
                       int64_t padding);

}  // namespace moco
