#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "core/ops/convolution_shape.h"
#include "support/formula.h"

/// Examples on which tests compute convolutions and their gradients. All numbers are fp64, bf16
/// holds them exactly, and channels lie last, so that every type starts from the same numbers.
namespace moco::convolution_examples {

/// Shapes of ResNets, and odd ones: channels that do not fill a tile, a single row, one row more
/// than a block or a slice, strides that leave a rest.
inline const std::vector<ConvolutionShape> kShapes{
    {3, 16, 16, 64, 256, 1, 1, 0}, {3, 16, 16, 256, 64, 1, 2, 0}, {2, 16, 16, 64, 64, 3, 1, 1},
    {2, 16, 16, 128, 64, 3, 2, 1}, {1, 1, 1, 1, 1, 1, 1, 0},      {1, 1, 1, 65, 17, 1, 1, 0},
    {5, 9, 7, 33, 15, 1, 2, 0},    {1, 13, 11, 5, 31, 3, 2, 1},   {3, 5, 3, 100, 7, 3, 1, 1},
    {1, 27, 19, 7, 3, 1, 1, 0},    {9, 32, 32, 3, 20, 1, 1, 0},   {1, 9, 12, 70, 18, 5, 1, 2},
    {1, 4099, 2, 16, 16, 1, 1, 0}, {2, 6, 6, 12, 20, 3, 1, 0},    {1, 8, 2, 2, 130, 7, 2, 3},
    {2, 9, 7, 70, 90, 1, 2, 0},    {8, 16, 16, 64, 128, 3, 1, 1}, {3, 30, 27, 64, 64, 3, 1, 1},
    {2, 9, 7, 128, 192, 1, 2, 0}};

/// Numbers from `least` to 1.
inline at::Tensor numbers(const char* name, at::IntArrayRef shape, double least = -1) {
  return formula::uniform(name, shape, least, 1)
      .to(at::kBFloat16)
      .contiguous(at::MemoryFormat::ChannelsLast)
      .to(at::kDouble);
}

/// @param least  the smallest number; 0 makes the input like the output of a ReLU
inline at::Tensor inputOf(const ConvolutionShape& shape, double least = -1) {
  return numbers("x", {shape.pictures, shape.in, shape.height, shape.width}, least);
}

inline at::Tensor weightOf(const ConvolutionShape& shape) {
  return numbers("weight", {shape.out, shape.in, shape.kernel, shape.kernel});
}

inline at::Tensor outputGradientOf(const ConvolutionShape& shape) {
  return numbers("dy", {shape.pictures, shape.out, shape.outHeight(), shape.outWidth()});
}

}  // namespace moco::convolution_examples
