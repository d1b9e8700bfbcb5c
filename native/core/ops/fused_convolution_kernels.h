#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>
#include <type_traits>

#include "core/ops/winograd_convolution_kernels.h"

/// What a convolution of constant weights is made of, for processors with AVX-512: products of rows
/// with a packed matrix, and the transforms of Winograd's filtering, both with what follows the
/// convolution. Activations are of type T, fp32 or bf16.
///
/// Rows of fp32 are multiplied as they are. Rows of bf16, and what Winograd's filtering makes of
/// them, are multiplied as integers of 16 bits, by an instruction of AVX512-VNNI that multiplies
/// twice as many numbers as that for fp32 and adds them up exactly. Each row has a scale of its
/// own, as has each column of the matrix: the largest with which no sum can overflow. That follows
/// from |Σ a·b| ≤ ‖a‖·‖b‖.
namespace moco::kernels::fused_convolution {

using Bf16 = c10::BFloat16;
using winograd_convolution::Points;

constexpr int64_t kPanel = 64;  // columns of a packed matrix
constexpr int64_t kDepth = 32;  // the length of rows is a multiple of this
/// Channels of Winograd's filtering that are multiplied at a time. The fewer, the more exact are
/// integers, whose scales are those of so many channels.
constexpr int64_t kSlice = 64;

/// What rows and matrices hold.
template <typename T>
using Factor = std::conditional_t<std::is_same_v<T, float>, float, int16_t>;

/// The largest norms of a row and of a column as integers; the product is below 2³¹. They leave
/// room for what rounding adds: at most half the root of the length, for up to 2¹⁴ numbers. No
/// number of a row can exceed its norm, and so none overflows; those of a column could.
constexpr float kLargestRow = (1 << 15) - 64, kLargestColumn = (1 << 16) - 64;
constexpr float kLargestInteger = 32767;

/// to = max(least, (a · b) ⊙ (rowScales ⊗ columnScales) + bias + addend), for any number of rows.
/// @tparam Number  of the factors: float or int16_t
/// @tparam T       of the result
template <typename Number, typename T>
struct Product {
  const Number* a;         // (rows, depth)
  int64_t aStride;         // from row to row
  const float* rowScales;  // (rows); for integers only, as columnScales
  int64_t rows, depth;
  const Number* b;            // fp32: (depth, kPanel); integers: (depth / 2, kPanel, 2)
  const float* columnScales;  // (kPanel)
  const float* bias;          // (kPanel)
  const T* addend;            // (rows, kPanel), with the distance of `to`; null: nothing is added
  float least;                // 0 for a ReLU, else −∞. NaN stays NaN
  T* to;                      // (rows, kPanel)
  int64_t stride;             // of `to` and `addend`: numbers from row to row
};

/// A row of the product of each point of Winograd's filtering.
template <typename Number>
struct PointRows {
  Number* first;
  int64_t stride;  // numbers from one point's row to the next
  float* scales;   // for integers only, as scaleStride
  int64_t scaleStride;
};

/// Where the outputs of a tile of Winograd's filtering go, as in `Product`.
template <typename T>
struct OutputTile {
  const float* bias;        // (channels)
  const T* const* addends;  // those of each pixel; null: nothing is added
  float least;
  T* const* pixels;
};

/// The transforms of Winograd's filtering (fused_winograd_transforms.h).
template <typename T>
struct Transforms {
  /// Bᵀ x B, of kSlice channels.
  void (*input)(const T* const* pixels, const PointRows<Factor<T>>& to);

  /// max(least, Aᵀ m A + bias + addend), of kPanel channels.
  void (*output)(Points from, const OutputTile<T>& tile);
};

template <typename T>
struct Kernels {
  /// Makes rows of a product.
  /// @param from    where each row comes from: `to` itself where T is Factor<T>, or elsewhere
  /// @param to      (count, depth)
  /// @param scales  (count), of integers; numbers that stay as they are have none
  void (*prepareRows)(const T* const* from, int64_t count, int64_t depth, Factor<T>* to,
                      float* scales);

  void (*multiply)(const Product<Factor<T>, T>& product);
  void (*multiplyPoint)(const Product<Factor<T>, float>& product);

  Transforms<T> ofStrideOne, ofStrideTwo;

  template <int64_t kStride>
  const Transforms<T>& transforms() const {
    return kStride == 1 ? ofStrideOne : ofStrideTwo;
  }
};

/// @return  null where this processor cannot run them
template <typename T>
const Kernels<T>* kernels();

}  // namespace moco::kernels::fused_convolution
