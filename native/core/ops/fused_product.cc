#include <ATen/ceil_div.h>

#include <algorithm>
#include <array>
#include <type_traits>

#include "core/base/threads.h"
#include "core/ops/fused_call.h"
#include "core/ops/fused_convolution_kernels.h"

namespace moco::fused {
namespace {

using kernels::fused_convolution::Factor;
using kernels::fused_convolution::kDepth;
using kernels::fused_convolution::kPanel;

/// Rows of a block, which is multiplied with one panel of the weight after the other, and stays in
/// the second-level cache meanwhile.
constexpr int64_t kBlockRows = 48;

int64_t paddedDepth(int64_t depth) { return at::ceil_div(depth, kDepth) * kDepth; }

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

/// Some rows of a product, as its kernel wants them.
template <typename T>
class Block {
 public:
  explicit Block(const Call<T>& call)
      : patches_(call),
        simd_(*kernels::fused_convolution::kernels<T>()),
        rows_(memoryFor<Factor<T>>(!isInPictures())),
        patchMemory_(kIsGiven ? rows_ : memoryFor<T>(!patches_.arePixels())) {}

  int64_t depth() const { return patches_.depth(); }
  const Factor<T>* rows() const { return first_; }
  const float* scales() const { return scales_.data(); }

  void fill(int64_t first, int64_t count) {
    if constexpr (kIsGiven) {
      if (isInPictures()) {
        first_ = patches_.pixels() + first * depth();
        return;
      }
    }
    std::array<const T*, kBlockRows> from;
    patches_.find(first, count, patchMemory_.template data_ptr<T>(), from.data());
    simd_.prepareRows(from.data(), count, depth(), rows_.template data_ptr<Factor<T>>(),
                      scales_.data());
  }

 private:
  /// Whether the kernel takes numbers as they are.
  static constexpr bool kIsGiven = std::is_same_v<T, Factor<T>>;

  bool isInPictures() const { return kIsGiven && patches_.areAllPixels(); }

  template <typename Number>
  at::Tensor memoryFor(bool isNeeded) const {
    return at::zeros({isNeeded ? kBlockRows : 0, patches_.depth()},
                     c10::CppTypeToScalarType<Number>::value);
  }

  Patches<T> patches_;
  const kernels::fused_convolution::Kernels<T>& simd_;
  at::Tensor rows_, patchMemory_;
  const Factor<T>* first_ = rows_.template const_data_ptr<Factor<T>>();
  std::array<float, kBlockRows> scales_{};
};

/// (out, in, k, k) as (out, padded k · k · in).
at::Tensor columnsOf(const at::Tensor& weight) {
  const auto columns = weight.permute({0, 2, 3, 1}).reshape({weight.size(0), -1});
  return at::constant_pad_nd(columns, {0, paddedDepth(columns.size(1)) - columns.size(1)});
}

/// A product's panels of columns, in each of which `together` numbers of a column lie side by side.
at::Tensor panelsOf(const at::Tensor& columns, int64_t together) {
  return columns.view({-1, kPanel, columns.size(1) / together, together})
      .transpose(1, 2)
      .contiguous();
}

}  // namespace

PackedWeight packed(const at::Tensor& weight, at::ScalarType activations) {
  using kernels::fused_convolution::kLargestColumn;
  using kernels::fused_convolution::kLargestInteger;
  const auto columns = columnsOf(weight);
  if (activations == at::kFloat) return {panelsOf(columns, 1), {}};
  constexpr double kSmallest = 1e-22;  // for columns of zeros
  const auto scales =
      at::maximum(columns.norm(2, 1) / kLargestColumn, columns.abs().amax(1) / kLargestInteger)
          .clamp_min(kSmallest);
  return {panelsOf((columns / scales.unsqueeze(1)).round().to(at::kShort), 2), scales};
}

template <typename T>
void convolve(const Call<T>& call) {
  const auto& shape = call.shape;
  const auto& simd = *kernels::fused_convolution::kernels<T>();
  const int64_t panels = shape.out / kPanel, rows = shape.rows();
  parallelFor(at::ceil_div(rows, kBlockRows) * panels, [&](int64_t begin, int64_t end) {
    Block<T> block(call);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i / panels * kBlockRows, column = i % panels * kPanel;
      const int64_t count = std::min(kBlockRows, rows - first);
      if (i == begin || column == 0) block.fill(first, count);
      const int64_t at = first * shape.out + column;
      simd.multiply({.a = block.rows(),
                     .aStride = block.depth(),
                     .rowScales = block.scales(),
                     .rows = count,
                     .depth = block.depth(),
                     .b = call.template weightAs<Factor<T>>() + column * block.depth(),
                     .columnScales = call.scales ? call.scales + column : nullptr,
                     .bias = call.bias + column,
                     .addend = call.addend ? call.addend + at : nullptr,
                     .least = call.least(),
                     .to = call.y + at,
                     .stride = shape.out});
    }
  });
}

template void convolve(const Call<float>& call);
template void convolve(const Call<c10::BFloat16>& call);

}  // namespace moco::fused
