#pragma once

#include <cstdint>

namespace moco {

/// The shape of a two-dimensional convolution of a batch, with a square kernel and without dilation
/// or groups.
struct ConvolutionShape {
  int64_t pictures, height, width;
  int64_t in, out;  // numbers of channels
  int64_t kernel, stride, padding;

  int64_t outHeight() const { return (height + 2 * padding - kernel) / stride + 1; }
  int64_t outWidth() const { return (width + 2 * padding - kernel) / stride + 1; }
  /// Pixels of the output, over which the weight's gradient is summed.
  int64_t rows() const { return pictures * outHeight() * outWidth(); }
};

}  // namespace moco
