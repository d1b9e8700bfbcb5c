#pragma once

#include <ATen/ceil_div.h>

#include <algorithm>
#include <cstdint>

#include "core/ops/fused_call.h"
#include "core/ops/fused_convolution_kernels.h"

namespace moco::fused {

/// The length of rows with zeros after their numbers, as the kernels take them.
inline int64_t paddedDepth(int64_t depth) {
  using kernels::fused_convolution::kDepth;
  return at::ceil_div(depth, kDepth) * kDepth;
}

/// A weight (out, in, k, k) as columns to multiply patches with: (out, paddedDepth(k · k · in)).
inline at::Tensor columnsOf(const at::Tensor& weight) {
  const auto columns = weight.permute({0, 2, 3, 1}).reshape({weight.size(0), -1});
  const int64_t missing = paddedDepth(columns.size(1)) - columns.size(1);
  return missing == 0 ? columns : at::constant_pad_nd(columns, {0, missing});
}

/// The pixels under the kernel: rows of the product with the weight.
template <typename T>
class Patches {
 public:
  explicit Patches(const Call<T>& call)
      : shape_(call.shape), x_(call.x), length_(shape_.kernel * shape_.kernel * shape_.in) {}

  int64_t depth() const { return paddedDepth(length_); }

  /// Whether a row is a pixel as it lies in the pictures.
  bool arePixels() const { return shape_.kernel == 1 && shape_.padding == 0 && length_ == depth(); }
  /// Whether rows are the pictures' pixels, one after the other.
  bool areAllPixels() const { return arePixels() && shape_.stride == 1; }
  const T* pixels() const { return x_; }

  /// Finds rows, with zeros up to `depth`, in the pictures, or gathers them.
  /// @param memory  (count, depth) where not `arePixels`, zero from the rows' length on
  /// @param rows    where each is
  void find(int64_t first, int64_t count, T* memory, const T** rows) const {
    const int64_t width = shape_.outWidth(), height = shape_.outHeight();
    int64_t column = first % width, line = first / width % height;
    const int64_t pictureSize = shape_.height * shape_.width * shape_.in;
    const T* picture = x_ + first / width / height * pictureSize;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t top = line * shape_.stride, left = column * shape_.stride;
      rows[i] = arePixels() ? picture + (top * shape_.width + left) * shape_.in
                            : gathered(picture, top - shape_.padding, left - shape_.padding,
                                       memory + i * depth());
      if (++column < width) continue;
      column = 0;
      if (++line < height) continue;
      line = 0;
      picture += pictureSize;
    }
  }

 private:
  /// @param top, left  of the kernel, which may be outside of the picture
  const T* gathered(const T* picture, int64_t top, int64_t left, T* memory) const {
    T* to = memory;
    for (int64_t y = top; y < top + shape_.kernel; ++y, to += shape_.kernel * shape_.in) {
      const bool isInside = y >= 0 && y < shape_.height;
      copyLine(picture + (isInside ? y : 0) * shape_.width * shape_.in, isInside, left, to);
    }
    return memory;
  }

  /// The kernel's taps on one line of a picture, which lie side by side, and zeros outside.
  void copyLine(const T* line, bool isInside, int64_t left, T* to) const {
    const int64_t begin = isInside ? std::clamp<int64_t>(-left, 0, shape_.kernel) : 0;
    const int64_t end =
        isInside ? std::clamp<int64_t>(shape_.width - left, begin, shape_.kernel) : 0;
    T* const inside = std::fill_n(to, begin * shape_.in, T(0));
    T* const after =
        std::copy_n(line + (left + begin) * shape_.in, (end - begin) * shape_.in, inside);
    std::fill(after, to + shape_.kernel * shape_.in, T(0));
  }

  const ConvolutionShape& shape_;
  const T* x_;
  int64_t length_;
};

}  // namespace moco::fused
