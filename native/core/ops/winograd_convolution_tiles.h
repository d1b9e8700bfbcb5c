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

/// The tiles into which a batch of pictures is divided: kOutput × kOutput pixels of output, which
/// come from the kInput × kInput pixels of input around them.
class Tiles {
 public:
  explicit Tiles(const at::Tensor& x) : Tiles(x.size(0), x.size(2), x.size(3)) {}
  Tiles(int64_t pictures, int64_t height, int64_t width)
      : pictures_(pictures),
        height_(height),
        width_(width),
        down_(at::ceil_div(height_, kOutput)),
        across_(at::ceil_div(width_, kOutput)) {}

  int64_t count() const { return pictures_ * down_ * across_; }

  /// Pointers to the pixels of a tile's output. They are `outside` where the pictures have no
  /// pixel, which is so for all of a tile that does not exist, from `count` on.
  template <typename T>
  auto outputs(int64_t tile, T* pixels, int64_t channels, T* outside) const {
    return around<kOutput>(tile, /*border=*/0, pixels, channels, outside);
  }
  /// Pointers to the pixels of a tile's input, with the same `outside`.
  template <typename T>
  auto inputs(int64_t tile, T* pixels, int64_t channels, T* outside) const {
    return around<kInput>(tile, /*border=*/1, pixels, channels, outside);
  }

 private:
  template <int64_t kSide, typename T>
  std::array<T*, kSide * kSide> around(int64_t tile, int64_t border, T* pixels, int64_t channels,
                                       T* outside) const {
    std::array<T*, kSide * kSide> pointers;
    const int64_t picture = tile / (down_ * across_);
    const int64_t top = tile / across_ % down_ * kOutput - border;
    const int64_t left = tile % across_ * kOutput - border;
    for (int64_t row = 0; row < kSide; ++row) {
      for (int64_t column = 0; column < kSide; ++column) {
        const int64_t y = top + row, x = left + column;
        const bool isInside = picture < pictures_ && y >= 0 && y < height_ && x >= 0 && x < width_;
        const int64_t pixel = (picture * height_ + y) * width_ + x;
        pointers[row * kSide + column] = isInside ? pixels + pixel * channels : outside;
      }
    }
    return pointers;
  }

  int64_t pictures_, height_, width_, down_, across_;
};

}  // namespace moco::winograd
