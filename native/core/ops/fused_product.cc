#include <ATen/ceil_div.h>

#include <algorithm>
#include <array>
#include <type_traits>

#include "core/base/threads.h"
#include "core/ops/fused_call.h"
#include "core/ops/fused_convolution_kernels.h"
#include "core/ops/fused_patches.h"

namespace moco::fused {
namespace {

using kernels::fused_convolution::Factor;
using kernels::fused_convolution::kPanel;

/// Rows of a block, which is multiplied with one panel of the weight after the other, and stays in
/// the second-level cache meanwhile.
constexpr int64_t kBlockRows = 48;

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
