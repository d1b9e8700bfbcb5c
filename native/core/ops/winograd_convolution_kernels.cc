#include "core/ops/winograd_convolution_kernels.h"

#include <array>

#include "core/device/avx512.h"
#include "core/device/cpu_kernels.h"
#include "core/ops/register_tile.h"
#include "core/ops/winograd_convolution_transforms.h"

#ifdef __x86_64__

// On lambdas, which do not take over the target of the function around them.
#define MOCO_AVX512_LAMBDA MOCO_AVX512 __attribute__((always_inline))

namespace moco::kernels::winograd_convolution {
namespace {

using avx512::load;
using avx512::store;

constexpr int64_t kRows = 6;  // rows of sums in registers

MOCO_AVX512_INLINE float* pointAt(Points points, int64_t row, int64_t column) {
  return points.first + (row * kInput + column) * points.stride;
}

/// The first and the second number of pairs of bf16 that lie side by side in memory.
MOCO_AVX512_INLINE __m512 firstOf(__m512i pairs) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16));
}
MOCO_AVX512_INLINE __m512 secondOf(__m512i pairs) {
  const __m512i upperHalf = _mm512_set1_epi32(static_cast<int>(0xffff0000));
  return _mm512_castsi512_ps(_mm512_and_si512(pairs, upperHalf));
}

template <int64_t kCount>
MOCO_AVX512_INLINE void multiplyRows(const PanelProduct& of, int64_t firstRow) {
  const float* a = of.a + firstRow * of.rowStride;
  const float* b = of.b;
  float* const c = of.c + firstRow * of.cStride;
  RegisterTile<kCount, kPanel> tile;
  if (of.add) tile.load(c, of.cStride);
  for (int64_t k = 0; k < of.depth; ++k, a += of.depthStride, b += of.bStride) {
    tile.multiplyAdd([&](int64_t row) { return a[row * of.rowStride]; }, b);
  }
  tile.store(c, of.cStride);
}

MOCO_AVX512 void transformInput(const Bf16* const* pixels, int64_t channels, Points to) {
  for (int64_t c = 0; c < channels; c += kLanes) {
    transform<InputMatrix>(
        [&](int64_t row, int64_t column)
            MOCO_AVX512_LAMBDA { return load(pixels[row * kInput + column] + c); },
        [&](int64_t row, int64_t column, __m512 value)
            MOCO_AVX512_LAMBDA { _mm512_storeu_ps(pointAt(to, row, column) + c, value); });
  }
}

MOCO_AVX512 void transformOutput(Points from, int64_t channels, Bf16* const* pixels) {
  for (int64_t c = 0; c < channels; c += kLanes) {
    transform<OutputMatrix>(
        [&](int64_t row, int64_t column)
            MOCO_AVX512_LAMBDA { return _mm512_loadu_ps(pointAt(from, row, column) + c); },
        [&](int64_t row, int64_t column, __m512 value)
            MOCO_AVX512_LAMBDA { store(value, pixels[row * kOutput + column] + c); });
  }
}

MOCO_AVX512 void transformOutputGradient(const Bf16* const* pixels, int64_t channels, Points to) {
  for (int64_t c = 0; c < channels; c += kLanes) {
    transform<OutputGradientMatrix>(
        [&](int64_t row, int64_t column)
            MOCO_AVX512_LAMBDA { return load(pixels[row * kOutput + column] + c); },
        [&](int64_t row, int64_t column, __m512 value)
            MOCO_AVX512_LAMBDA { _mm512_storeu_ps(pointAt(to, row, column) + c, value); });
  }
}

MOCO_AVX512 void transformWeight(const Bf16* weight, int64_t inputs, Points to) {
  const int64_t perOutput = kTaps * kTaps * inputs;
  const __m512i lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  const __m512i outputs =
      _mm512_mullo_epi32(lanes, _mm512_set1_epi32(static_cast<int>(perOutput / 2)));
  for (int64_t first = 0; first < kPanel; first += kLanes) {
    __m512i pairs[kTaps][kTaps];  // of both input channels
    for (int64_t row = 0; row < kTaps; ++row) {
      for (int64_t column = 0; column < kTaps; ++column) {
        pairs[row][column] = _mm512_i32gather_epi32(
            outputs, weight + first * perOutput + (row * kTaps + column) * inputs,
            2 * sizeof(Bf16));
      }
    }
    transform<WeightMatrix>(
        [&](int64_t row, int64_t column) MOCO_AVX512_LAMBDA { return firstOf(pairs[row][column]); },
        [&](int64_t row, int64_t column, __m512 value)
            MOCO_AVX512_LAMBDA { _mm512_storeu_ps(pointAt(to, row, column) + first, value); });
    transform<WeightMatrix>([&](int64_t row, int64_t column)
                                MOCO_AVX512_LAMBDA { return secondOf(pairs[row][column]); },
                            [&](int64_t row, int64_t column, __m512 value) MOCO_AVX512_LAMBDA {
                              _mm512_storeu_ps(pointAt(to, row, column) + kPanel + first, value);
                            });
  }
}

MOCO_AVX512 void transformTurnedWeight(const Bf16* weight, int64_t inputs, Points to) {
  for (int64_t c = 0; c < kPanel; c += kLanes) {
    transform<WeightMatrix>(
        [&](int64_t row, int64_t column) MOCO_AVX512_LAMBDA {
          const int64_t tap = (kTaps - 1 - row) * kTaps + kTaps - 1 - column;
          return load(weight + tap * inputs + c);
        },
        [&](int64_t row, int64_t column, __m512 value)
            MOCO_AVX512_LAMBDA { _mm512_storeu_ps(pointAt(to, row, column) + c, value); });
  }
}

MOCO_AVX512 void transformWeightGradient(Points from, int64_t summands, int64_t distance,
                                         int64_t channels, Bf16* weight) {
  for (int64_t c = 0; c < channels; c += kLanes) {
    transform<WeightGradientMatrix>(
        [&](int64_t row, int64_t column) MOCO_AVX512_LAMBDA {
          const float* const first = pointAt(from, row, column) + c;
          __m512 sum = _mm512_loadu_ps(first);
          for (int64_t i = 1; i < summands; ++i) {
            sum = _mm512_add_ps(sum, _mm512_loadu_ps(first + i * distance));
          }
          return sum;
        },
        [&](int64_t row, int64_t column, __m512 value)
            MOCO_AVX512_LAMBDA { store(value, weight + (row * kTaps + column) * channels + c); });
  }
}

MOCO_AVX512 void multiply(const PanelProduct& product) {
  // For each number of rows that may be left. These are called by pointer and so not inlined here,
  // where their loops would not have registers enough for their addresses.
  static constexpr std::array kMultiplyRest{multiplyRows<1>, multiplyRows<2>, multiplyRows<3>,
                                            multiplyRows<4>, multiplyRows<5>};
  static_assert(kMultiplyRest.size() == kRows - 1);
  int64_t row = 0;
  for (; row + kRows <= product.rows; row += kRows) multiplyRows<kRows>(product, row);
  if (row < product.rows) kMultiplyRest[product.rows - row - 1](product, row);
}

}  // namespace

const Kernels* kernels() {
  static constexpr Kernels kKernels{.transformInput = transformInput,
                                    .transformOutput = transformOutput,
                                    .transformOutputGradient = transformOutputGradient,
                                    .transformWeight = transformWeight,
                                    .transformTurnedWeight = transformTurnedWeight,
                                    .transformWeightGradient = transformWeightGradient,
                                    .multiply = multiply};
  return useCpuKernels() ? &kKernels : nullptr;
}

}  // namespace moco::kernels::winograd_convolution

#else

namespace moco::kernels::winograd_convolution {

const Kernels* kernels() { return nullptr; }

}  // namespace moco::kernels::winograd_convolution

#endif
