#pragma once

#include <ATen/ATen.h>
#include <ATen/ceil_div.h>

#include <array>

#include "core/ops/winograd_convolution_kernels.h"

/// What Winograd's convolutions have in common: how a batch is divided into tiles, and how the
/// transformed tiles lie in memory.
namespace moco::winograd {

using kernels::winograd_convolution::kInput;
using kernels::winograd_convolution::kOutput;
using kernels::winograd_convolution::kPoints;
using kernels::winograd_convolution::Points;

/// The kernels, for processors that have them.
inline const kernels::winograd_convolution::Kernels& simd() {
  return *kernels::winograd_convolution::kernels();
}

/// Sets of matrices of fp32, one matrix for each of the kPoints points of transformed tiles.
struct PointMatrices {
  /// @param numbers  of one matrix
  explicit PointMatrices(int64_t numbers, int64_t sets = 1)
      : stride(numbers + kCacheLine), memory(at::empty({sets, distance()}, at::kFloat)) {}

  int64_t distance() const { return kPoints * stride; }  // numbers from set to set
  /// Where a number of the first point's matrix lies, and those of the other points after it.
  Points from(int64_t number, int64_t set = 0) const {
    return {memory.data_ptr<float>() + set * distance() + number, stride};
  }
  float* at(int64_t point, int64_t number, int64_t set = 0) const {
    return from(number, set).first + point * stride;
  }

  /// Numbers from one point's matrix to the next: a cache line more than a matrix has. At a
  /// distance of a power of two, the same number of all matrices would compete for few lines of the
  /// cache.
  int64_t stride;
  at::Tensor memory;

 private:
  static constexpr int64_t kCacheLine = 16;  // numbers
};

/// The tiles into which a batch of pictures is divided: kOutput × kOutput pixels of output, and the
/// pixels of input that they come from.
class Tiles {
 public:
  explicit Tiles(const at::Tensor& x) : Tiles(x.size(0), x.size(2), x.size(3)) {}
  /// @param height, width  of the input
  /// @param stride         of the convolution
  Tiles(int64_t pictures, int64_t height, int64_t width, int64_t stride = 1)
      : input_{height, width},
        output_{at::ceil_div(height, stride), at::ceil_div(width, stride)},
        pictures_(pictures),
        stride_(stride),
        down_(at::ceil_div(output_.height, kOutput)),
        across_(at::ceil_div(output_.width, kOutput)) {}

  int64_t count() const { return pictures_ * down_ * across_; }

  /// Pointers to the pixels of a tile's output. They are `outside` where the pictures have no
  /// pixel, which is so for all of a tile that does not exist, from `count` on.
  template <typename T>
  auto outputs(int64_t tile, T* pixels, int64_t channels, T* outside) const {
    return around<kOutput>(tile, output_, {kOutput, 0}, pixels, channels, outside);
  }
  /// Pointers to the pixels of a tile's input, with the same `outside`.
  /// @tparam kSide  pixels of its side
  template <int64_t kSide = kInput, typename T>
  auto inputs(int64_t tile, T* pixels, int64_t channels, T* outside) const {
    return around<kSide>(tile, input_, {kOutput * stride_, 1}, pixels, channels, outside);
  }

 private:
  struct Size {
    int64_t height, width;
  };
  struct Places {
    int64_t step;    // from tile to tile
    int64_t border;  // of the first tile outside of the picture
  };

  template <int64_t kSide, typename T>
  std::array<T*, kSide * kSide> around(int64_t tile, Size size, Places places, T* pixels,
                                       int64_t channels, T* outside) const {
    std::array<T*, kSide * kSide> pointers;
    const int64_t picture = tile / (down_ * across_);
    const int64_t top = tile / across_ % down_ * places.step - places.border;
    const int64_t left = tile % across_ * places.step - places.border;
    for (int64_t row = 0; row < kSide; ++row) {
      for (int64_t column = 0; column < kSide; ++column) {
        const int64_t y = top + row, x = left + column;
        const bool isInside =
            picture < pictures_ && y >= 0 && y < size.height && x >= 0 && x < size.width;
        const int64_t pixel = (picture * size.height + y) * size.width + x;
        pointers[row * kSide + column] = isInside ? pixels + pixel * channels : outside;
      }
    }
    return pointers;
  }

  Size input_, output_;
  int64_t pictures_, stride_, down_, across_;
};

}  // namespace moco::winograd
