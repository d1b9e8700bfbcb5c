#include <ATen/ceil_div.h>

#include <algorithm>
#include <array>
#include <type_traits>
#include <vector>

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

  /// Whether rows are the pictures' pixels, one after the other.
  bool arePixels() const {
    return shape_.kernel == 1 && shape_.stride == 1 && shape_.padding == 0 && length_ == depth();
  }
  const T* pixels() const { return x_; }

  /// A row, with zeros up to `depth`.
  /// @param memory  of depth() numbers, which are zero from the row's length on
  /// @return        `memory`, or where the row lies in the pictures
  const T* row(int64_t number, T* memory) const {
    const int64_t line = number / shape_.outWidth();
    const int64_t top = line % shape_.outHeight() * shape_.stride - shape_.padding;
    const int64_t left = number % shape_.outWidth() * shape_.stride - shape_.padding;
    const T* const picture =
        x_ + line / shape_.outHeight() * shape_.height * shape_.width * shape_.in;
    if (shape_.kernel == 1 && shape_.padding == 0 && length_ == depth()) {
      return picture + (top * shape_.width + left) * shape_.in;
    }
    T* to = memory;
    for (int64_t y = top; y < top + shape_.kernel; ++y, to += shape_.kernel * shape_.in) {
      const bool isInside = y >= 0 && y < shape_.height;
      copyLine(picture + (isInside ? y : 0) * shape_.width * shape_.in, isInside, left, to);
    }
    return memory;
  }

 private:
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
        memory_(patches_.depth(), T(0)),
        rows_(at::empty({kBlockRows, patches_.depth()},
                        c10::CppTypeToScalarType<Factor<T>>::value)) {}

  int64_t depth() const { return patches_.depth(); }
  const Factor<T>* rows() const { return first_; }
  const float* scales() const { return scales_.data(); }

  void fill(int64_t first, int64_t count) {
    if constexpr (std::is_same_v<T, Factor<T>>) {
      if (patches_.arePixels()) {
        first_ = patches_.pixels() + first * depth();
        return;
      }
    }
    auto* to = rows_.template data_ptr<Factor<T>>();
    for (int64_t i = 0; i < count; ++i, to += depth()) {
      scales_[i] = simd_.prepareRow(patches_.row(first + i, memory_.data()), depth(), to);
    }
  }

 private:
  Patches<T> patches_;
  const kernels::fused_convolution::Kernels<T>& simd_;
  std::vector<T> memory_;
  at::Tensor rows_;
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
