#pragma once

#include <ATen/ATen.h>

#include "core/ops/convolution_shape.h"

namespace moco {

/// Whether `weightGradient` can be called, and is faster than oneDNN on this processor.
bool usesOwnWeightGradient(const ConvolutionShape& shape);

/// The gradient of a convolution's weight: the sum of dY[row][o] · X[row at (y, x)][i] over rows,
/// added up in fp32 and rounded to bf16. The order of the additions does not depend on the number
/// of threads. For processors that have `kernels::tiles::kernels`.
/// @param dy  (B, out, outHeight, outWidth), bf16
/// @param x   (B, in, height, width), bf16
/// @return    (out, in, kernel, kernel), bf16, channels last
at::Tensor weightGradient(const at::Tensor& dy, const at::Tensor& x, const ConvolutionShape& shape);

}  // namespace moco
