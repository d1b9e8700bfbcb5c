#include "core/ops/fused_convolution_kernels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "core/device/avx512.h"
#include "core/device/cpu_kernels.h"
#include "core/ops/fused_winograd_transforms.h"
#include "core/ops/register_tile.h"
#include "core/ops/winograd_convolution_transforms.h"

#ifdef __x86_64__

// On lambdas, which do not take over the target of the function around them.
#define MOCO_AVX512_LAMBDA MOCO_AVX512 __attribute__((always_inline))

namespace moco::kernels::fused_convolution {
namespace {

using avx512::kLanes;
using avx512::load;
using avx512::store;
using fused_winograd::InputMatrix;
using fused_winograd::OutputMatrix;
using winograd_convolution::kInput;
using winograd_convolution::kOutput;
using winograd_convolution::transform;

constexpr int64_t kRows = 6;  // rows of sums in registers

MOCO_AVX512_INLINE float* pointAt(Points points, int64_t row, int64_t column) {
  return points.first + (row * kInput + column) * points.stride;
}

MOCO_AVX512 float prepareRow(const float* from, int64_t depth, float* to) {
  for (int64_t i = 0; i < depth; i += kLanes) store(load(from + i), to + i);
  return 1;
}

/// How much one step of a row's integers stands for.
MOCO_AVX512_INLINE float scaleOf(const Bf16* row, int64_t depth) {
  __m512 squares[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
  __m512 largest[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
  for (int64_t i = 0; i < depth; i += kDepth) {
    for (int64_t half = 0; half < 2; ++half) {
      const __m512 numbers = load(row + i + half * kLanes);
      squares[half] = _mm512_fmadd_ps(numbers, numbers, squares[half]);
      largest[half] = _mm512_max_ps(_mm512_abs_ps(numbers), largest[half]);
    }
  }
  const float norm = std::sqrt(_mm512_reduce_add_ps(_mm512_add_ps(squares[0], squares[1])));
  const float most = _mm512_reduce_max_ps(_mm512_max_ps(largest[0], largest[1]));
  // Integers have no NaN, nor what is not finite: the scale must be it.
  if (!std::isfinite(norm)) return std::numeric_limits<float>::quiet_NaN();
  // Below this, squares vanish.
  constexpr float kSmallest = 1e-22f;
  return std::max(kSmallest, std::max(norm / kLargestRow, most / kLargestInteger));
}

MOCO_AVX512 float prepareRow(const Bf16* from, int64_t depth, int16_t* to) {
  const float scale = scaleOf(from, depth);
  const __m512 inverse = _mm512_set1_ps(1 / scale);
  for (int64_t i = 0; i < depth; i += kLanes) {
    const __m512i integers = _mm512_cvtps_epi32(_mm512_mul_ps(load(from + i), inverse));
    _mm256_storeu_epi16(to + i, _mm512_cvtsepi32_epi16(integers));
  }
  return scale;
}

template <int64_t kCount>
using Tile = RegisterTile<kCount, kPanel>;

template <int64_t kCount>
MOCO_AVX512_INLINE Tile<kCount> sums(const Product<float>& of, int64_t firstRow) {
  const float* a = of.a + firstRow * of.aStride;
  const float* b = of.b;
  Tile<kCount> tile;
  tile.load(of.bias, /*stride=*/0);
  for (int64_t k = 0; k < of.depth; ++k, b += kPanel) {
    tile.multiplyAdd([&](int64_t row) { return a[row * of.aStride + k]; }, b);
  }
  return tile;
}

template <int64_t kCount>
MOCO_AVX512_INLINE Tile<kCount> sums(const Product<Bf16>& of, int64_t firstRow) {
  const int64_t pairs = of.depth / 2, aStride = of.aStride / 2;
  const auto* a = reinterpret_cast<const int32_t*>(of.a + firstRow * of.aStride);
  const auto* b = reinterpret_cast<const int32_t*>(of.b);
  RegisterTile<kCount, kPanel, int32_t> integers;
  for (int64_t k = 0; k < pairs; ++k, b += kPanel) {
    integers.multiplyAdd([&](int64_t row) { return a[row * aStride + k]; }, b);
  }
  return {integers, of.rowScales + firstRow, of.columnScales, of.bias};
}

template <typename T, int64_t kCount>
MOCO_AVX512_INLINE void multiplyRows(const Product<T>& of, int64_t firstRow) {
  Tile<kCount> tile = sums<kCount>(of, firstRow);
  if (of.addend) tile.add(of.addend + firstRow * of.stride, of.stride);
  tile.raise(of.least);
  tile.store(of.to + firstRow * of.stride, of.stride);
}

template <typename T>
MOCO_AVX512 void multiply(const Product<T>& product) {
  // For each number of rows that may be left. These are called by pointer and so not inlined here,
  // where their loops would not have registers enough for their addresses.
  static constexpr std::array kMultiplyRest{multiplyRows<T, 1>, multiplyRows<T, 2>,
                                            multiplyRows<T, 3>, multiplyRows<T, 4>,
                                            multiplyRows<T, 5>};
  static_assert(kMultiplyRest.size() == kRows - 1);
  int64_t row = 0;
  for (; row + kRows <= product.rows; row += kRows) multiplyRows<T, kRows>(product, row);
  if (row < product.rows) kMultiplyRest[product.rows - row - 1](product, row);
}

template <typename T>
MOCO_AVX512 void transformInput(const T* const* pixels, int64_t channels, Points to) {
  for (int64_t c = 0; c < channels; c += kLanes) {
    transform<InputMatrix>(
        [&](int64_t row, int64_t column)
            MOCO_AVX512_LAMBDA { return load(pixels[row * kInput + column] + c); },
        [&](int64_t row, int64_t column, __m512 value)
            MOCO_AVX512_LAMBDA { _mm512_storeu_ps(pointAt(to, row, column) + c, value); });
  }
}

template <typename T>
MOCO_AVX512 void transformOutput(Points from, int64_t channels, const OutputTile<T>& tile) {
  for (int64_t c = 0; c < channels; c += kLanes) {
    const __m512 bias = load(tile.bias + c);
    transform<OutputMatrix>(
        [&](int64_t row, int64_t column)
            MOCO_AVX512_LAMBDA { return _mm512_loadu_ps(pointAt(from, row, column) + c); },
        [&](int64_t row, int64_t column, __m512 value) MOCO_AVX512_LAMBDA {
          const int64_t pixel = row * kOutput + column;
          __m512 sum = _mm512_add_ps(value, bias);
          if (tile.addends) sum = _mm512_add_ps(sum, load(tile.addends[pixel] + c));
          store(avx512::atLeast(tile.least, sum), tile.pixels[pixel] + c);
        });
  }
}

}  // namespace

template <typename T>
const Kernels<T>* kernels() {
  static constexpr Kernels<T> kKernels{.prepareRow = prepareRow,
                                       .multiply = multiply<T>,
                                       .transformInput = transformInput<T>,
                                       .transformOutput = transformOutput<T>};
  return useCpuKernels() ? &kKernels : nullptr;
}

template const Kernels<float>* kernels<float>();
template const Kernels<c10::BFloat16>* kernels<c10::BFloat16>();

}  // namespace moco::kernels::fused_convolution

#else

namespace moco::kernels::fused_convolution {

template <typename T>
const Kernels<T>* kernels() {
  return nullptr;
}

template const Kernels<float>* kernels<float>();
template const Kernels<c10::BFloat16>* kernels<c10::BFloat16>();

}  // namespace moco::kernels::fused_convolution

#endif
