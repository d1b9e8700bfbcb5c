#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace moco {

/// Of a two-dimensional convolution of a batch, with square kernel and without dilation or groups.
struct ConvolutionShape {
  int64_t pictures, height, width;
  int64_t in, out;  // channels
  int64_t kernel, stride, padding;

  int64_t outHeight() const { return (height + 2 * padding - kernel) / stride + 1; }
  int64_t outWidth() const { return (width + 2 * padding - kernel) / stride + 1; }
  /// Pixels of the output, over which the weight's gradient is summed.
  int64_t rows() const { return pictures * outHeight() * outWidth(); }
};

/// Whether `weightGradient` can be called, and is faster than oneDNN on this processor.
bool usesOwnWeightGradient(const ConvolutionShape& shape);

/// The gradient of a convolution's weight: the sum of dY[row][o] · X[row at (y, x)][i] over rows,
/// added up in fp32 and rounded to bf16. The order of the additions does not depend on the number
/// of threads. For processors that `bf16::hasTiles`.
/// @param dy  (B, out, outHeight, outWidth), bf16
/// @param x   (B, in, height, width), bf16
/// @return    (out, in, kernel, kernel), bf16, channels last
at::Tensor weightGradient(const at::Tensor& dy, const at::Tensor& x, const ConvolutionShape& shape);

}  // namespace moco
