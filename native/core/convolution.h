#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace moco {

/// `at::conv2d` without bias, whose gradient by the weight comes from `weightGradient` where that
/// is faster than PyTorch's.
/// @param x       (B, in, H, W)
/// @param weight  (out, in, k, k)
at::Tensor convolution(const at::Tensor& x, const at::Tensor& weight, int64_t stride,
                       int64_t padding);

}  // namespace moco
