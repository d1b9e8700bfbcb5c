#include "core/ops/fused_convolution_kernels.h"

#include <algorithm>
#include <array>
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
using fused_winograd::Filtering;
using fused_winograd::InputMatrix;
using fused_winograd::kOutput;
using fused_winograd::OutputMatrix;
using winograd_convolution::transform;

constexpr int64_t kRows = 6;  // rows of sums in registers

constexpr float kSmallest = 1e-22f;  // scale; below this, squares vanish

/// How much one step of the integers of each of 16 rows stands for.
/// @param squares  of each row, vectors whose numbers add up to its squared norm; they are lost
MOCO_AVX512_INLINE __m512 stepsOf(__m512* squares) {
  const __m512 norms = _mm512_sqrt_ps(avx512::sumOfEach(squares));
  const __m512 steps = _mm512_max_ps(_mm512_mul_ps(norms, _mm512_set1_ps(1 / kLargestRow)),
                                     _mm512_set1_ps(kSmallest));
  // Integers have no NaN, nor what is not finite: the step must be it.
  const __m512 infinity = _mm512_set1_ps(std::numeric_limits<float>::infinity());
  const __mmask16 isFinite = _mm512_cmp_ps_mask(norms, infinity, _CMP_LT_OQ);
  const __m512 notNumbers = _mm512_set1_ps(std::numeric_limits<float>::quiet_NaN());
  return _mm512_mask_mov_ps(notNumbers, isFinite, steps);
}

/// The integer nearest to number · inverse, of up to 16 bits: the lower half of the result's bits.
/// The number added is so large that a step of its mantissa is 1.
MOCO_AVX512_INLINE __m512i nearest(__m512 numbers, __m512 inverse) {
  constexpr float kStepsOfOne = 3 << 22;
  return _mm512_castps_si512(_mm512_fmadd_ps(numbers, inverse, _mm512_set1_ps(kStepsOfOne)));
}

/// The numbers at even places of 32 of bf16, and those at odd ones.
MOCO_AVX512_INLINE __m512 evenOf(__m512i numbers) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(numbers, 16));
}
MOCO_AVX512_INLINE __m512 oddOf(__m512i numbers) {
  constexpr int kLowerHalf = 0xffff;
  return _mm512_castsi512_ps(_mm512_andnot_si512(_mm512_set1_epi32(kLowerHalf), numbers));
}

MOCO_AVX512 void prepareRows(const float* const* from, int64_t count, int64_t depth, float* to,
                             float* /*scales*/) {
  for (int64_t row = 0; row < count; ++row, to += depth) {
    if (from[row] == to) continue;
    for (int64_t i = 0; i < depth; i += kLanes) store(load(from[row] + i), to + i);
  }
}

/// A vector whose numbers add up to the sum of a row's squares.
MOCO_AVX512_INLINE __m512 squaresOf(const Bf16* row, int64_t depth) {
  __m512 sums = _mm512_setzero_ps();
  for (int64_t i = 0; i < depth; i += kDepth) {
    const auto pairs = (__m512bh)_mm512_loadu_si512(row + i);
    sums = _mm512_dpbf16_ps(sums, pairs, pairs);
  }
  return sums;
}

MOCO_AVX512_INLINE void roundRow(const Bf16* from, int64_t depth, __m512 inverse, int16_t* to) {
  for (int64_t i = 0; i < depth; i += kDepth) {
    const __m512i numbers = _mm512_loadu_si512(from + i);
    const __m512i even = nearest(evenOf(numbers), inverse), odd = nearest(oddOf(numbers), inverse);
    constexpr __mmask32 kOddPlaces = 0xaaaaaaaa;
    _mm512_storeu_si512(to + i,
                        _mm512_mask_blend_epi16(kOddPlaces, even, _mm512_slli_epi32(odd, 16)));
  }
}

MOCO_AVX512 void prepareRows(const Bf16* const* from, int64_t count, int64_t depth, int16_t* to,
                             float* scales) {
  for (int64_t first = 0; first < count; first += kLanes) {
    const int64_t rows = std::min(kLanes, count - first);
    __m512 squares[kLanes];
    for (int64_t i = 0; i < kLanes; ++i) {
      squares[i] = i < rows ? squaresOf(from[first + i], depth) : _mm512_setzero_ps();
    }
    const __m512 steps = stepsOf(squares);
    float inverses[kLanes];
    store(_mm512_div_ps(_mm512_set1_ps(1), steps), inverses);
    _mm512_mask_storeu_ps(scales + first, static_cast<__mmask16>((1 << rows) - 1), steps);
    for (int64_t i = 0; i < rows; ++i, to += depth) {
      roundRow(from[first + i], depth, _mm512_set1_ps(inverses[i]), to);
    }
  }
}

template <int64_t kCount>
using Tile = RegisterTile<kCount, kPanel>;

template <int64_t kCount, typename T>
MOCO_AVX512_INLINE Tile<kCount> sums(const Product<float, T>& of, int64_t firstRow) {
  const float* a = of.a + firstRow * of.aStride;
  const float* b = of.b;
  Tile<kCount> tile;
  tile.load(of.bias, /*stride=*/0);
  for (int64_t k = 0; k < of.depth; ++k, b += kPanel) {
    tile.multiplyAdd([&](int64_t row) { return a[row * of.aStride + k]; }, b);
  }
  return tile;
}

template <int64_t kCount, typename T>
MOCO_AVX512_INLINE Tile<kCount> sums(const Product<int16_t, T>& of, int64_t firstRow) {
  const int64_t pairs = of.depth / 2, aStride = of.aStride / 2;
  const auto* a = reinterpret_cast<const int32_t*>(of.a + firstRow * of.aStride);
  const auto* b = reinterpret_cast<const int32_t*>(of.b);
  RegisterTile<kCount, kPanel, int32_t> integers;
  for (int64_t k = 0; k < pairs; ++k, b += kPanel) {
    integers.multiplyAdd([&](int64_t row) { return a[row * aStride + k]; }, b);
  }
  return {integers, of.rowScales + firstRow, of.columnScales, of.bias};
}

template <typename Number, typename T, int64_t kCount>
MOCO_AVX512_INLINE void multiplyRows(const Product<Number, T>& of, int64_t firstRow) {
  Tile<kCount> tile = sums<kCount>(of, firstRow);
  if (of.addend) tile.add(of.addend + firstRow * of.stride, of.stride);
  tile.raise(of.least);
  tile.store(of.to + firstRow * of.stride, of.stride);
}

template <typename Number, typename T>
MOCO_AVX512 void multiply(const Product<Number, T>& product) {
  // For each number of rows that may be left. These are called by pointer and so not inlined here,
  // where their loops would not have registers enough for their addresses.
  static constexpr std::array kMultiplyRest{multiplyRows<Number, T, 1>, multiplyRows<Number, T, 2>,
                                            multiplyRows<Number, T, 3>, multiplyRows<Number, T, 4>,
                                            multiplyRows<Number, T, 5>};
  static_assert(kMultiplyRest.size() == kRows - 1);
  int64_t row = 0;
  for (; row + kRows <= product.rows; row += kRows) {
    multiplyRows<Number, T, kRows>(product, row);
  }
  if (row < product.rows) kMultiplyRest[product.rows - row - 1](product, row);
}

/// Bᵀ x B of kSlice channels.
/// @param store  store(point, channel, numbers)
template <int64_t kStride, typename T, typename Store>
MOCO_AVX512_INLINE void transformSlice(const T* const* pixels, const Store& store) {
  constexpr int64_t kInput = Filtering<kStride>::kInput;
  for (int64_t c = 0; c < kSlice; c += kLanes) {
    transform<InputMatrix<kStride>>(
        [&](int64_t row, int64_t column)
            MOCO_AVX512_LAMBDA { return load(pixels[row * kInput + column] + c); },
        [&](int64_t row, int64_t column, __m512 numbers)
            MOCO_AVX512_LAMBDA { store(row * kInput + column, c, numbers); });
  }
}

template <int64_t kStride>
MOCO_AVX512 void transformInput(const float* const* pixels, const PointRows<float>& to) {
  transformSlice<kStride>(pixels,
                          [&](int64_t point, int64_t channel, __m512 numbers) MOCO_AVX512_LAMBDA {
                            _mm512_storeu_ps(to.first + point * to.stride + channel, numbers);
                          });
}

constexpr int64_t kSliceVectors = kSlice / kLanes;

/// The steps of each point of a slice.
/// @param scales  of all points, and of what fills the last vector
MOCO_AVX512_INLINE void scalesOf(const __m512 (*points)[kSliceVectors], int64_t count,
                                 float* scales) {
  for (int64_t first = 0; first < count; first += kLanes) {
    __m512 squares[kLanes];
#pragma GCC unroll 16
    for (int64_t i = 0; i < kLanes; ++i) {
      const __m512* const numbers = points[std::min(first + i, count - 1)];
      squares[i] = _mm512_mul_ps(numbers[0], numbers[0]);
#pragma GCC unroll 8
      for (int64_t j = 1; j < kSliceVectors; ++j) {
        squares[i] = _mm512_fmadd_ps(numbers[j], numbers[j], squares[i]);
      }
    }
    store(stepsOf(squares), scales + first);
  }
}

template <int64_t kStride>
MOCO_AVX512 void transformInput(const Bf16* const* pixels, const PointRows<int16_t>& to) {
  constexpr int64_t kCount = Filtering<kStride>::kPoints;
  __m512 points[kCount][kSliceVectors];
  transformSlice<kStride>(pixels,
                          [&](int64_t point, int64_t channel, __m512 numbers)
                              MOCO_AVX512_LAMBDA { points[point][channel / kLanes] = numbers; });
  constexpr int64_t kWholeVectors = (kCount + kLanes - 1) / kLanes * kLanes;
  float scales[kWholeVectors], inverses[kWholeVectors];
  scalesOf(points, kCount, scales);
  for (int64_t i = 0; i < kWholeVectors; i += kLanes) {
    store(_mm512_div_ps(_mm512_set1_ps(1), load(scales + i)), inverses + i);
  }
  for (int64_t point = 0; point < kCount; ++point) {
    to.scales[point * to.scaleStride] = scales[point];
    const __m512 inverse = _mm512_set1_ps(inverses[point]);
    int16_t* const row = to.first + point * to.stride;
#pragma GCC unroll 8
    for (int64_t i = 0; i < kSliceVectors; i += 2) {
      const __m512i first = nearest(points[point][i], inverse);
      const __m512i second = nearest(points[point][i + 1], inverse);
      _mm512_storeu_si512(row + i * kLanes, avx512::lowerHalvesOf(first, second));
    }
  }
}

template <int64_t kStride, typename T>
MOCO_AVX512 void transformOutput(Points from, const OutputTile<T>& tile) {
  constexpr int64_t kInput = Filtering<kStride>::kInput;
  const auto pointAt = [&](int64_t row, int64_t column) {
    return from.first + (row * kInput + column) * from.stride;
  };
  for (int64_t c = 0; c < kPanel; c += kLanes) {
    const __m512 bias = load(tile.bias + c);
    transform<OutputMatrix<kStride>>(
        [&](int64_t row, int64_t column)
            MOCO_AVX512_LAMBDA { return _mm512_loadu_ps(pointAt(row, column) + c); },
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
  static constexpr Kernels<T> kKernels{.prepareRows = prepareRows,
                                       .multiply = multiply<Factor<T>, T>,
                                       .multiplyPoint = multiply<Factor<T>, float>,
                                       .ofStrideOne = {transformInput<1>, transformOutput<1, T>},
                                       .ofStrideTwo = {transformInput<2>, transformOutput<2, T>}};
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
