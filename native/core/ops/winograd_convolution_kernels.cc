#include "core/ops/winograd_convolution_kernels.h"

#include "core/device/avx512.h"
#include "core/device/device.h"

#ifdef __x86_64__

#define MOCO_AVX512_LAMBDA MOCO_AVX512 __attribute__((always_inline))

namespace moco::kernels::winograd {
namespace {

using avx512::load;
using avx512::store;

constexpr int64_t kTaps = 3;  // on the kernel's side
/// Sums in registers: 6 × 4 vectors, of 32 registers.
constexpr int64_t kRows = 6;
constexpr int64_t kVectors = kPanel / kLanes;

MOCO_AVX512_INLINE __m512 constant(float value) { return _mm512_set1_ps(value); }

MOCO_AVX512_INLINE __m512 fromBits(__m512i upper) { return _mm512_castsi512_ps(upper); }

/// Bᵀ, on six numbers.
struct InputMatrix {
  static constexpr int64_t kFrom = 6, kTo = 6;

  MOCO_AVX512_INLINE static void apply(const __m512* x, __m512* to) {
    const __m512 two = constant(2), four = constant(4), five = constant(5);
    const __m512 even = _mm512_fnmadd_ps(four, x[2], x[4]);
    const __m512 odd = _mm512_fnmadd_ps(four, x[1], x[3]);
    const __m512 evenAtTwo = _mm512_sub_ps(x[4], x[2]);
    const __m512 oddAtTwo = _mm512_mul_ps(two, _mm512_sub_ps(x[3], x[1]));
    to[0] = _mm512_fmadd_ps(four, x[0], _mm512_fnmadd_ps(five, x[2], x[4]));
    to[1] = _mm512_add_ps(even, odd);
    to[2] = _mm512_sub_ps(even, odd);
    to[3] = _mm512_add_ps(evenAtTwo, oddAtTwo);
    to[4] = _mm512_sub_ps(evenAtTwo, oddAtTwo);
    to[5] = _mm512_fmadd_ps(four, x[1], _mm512_fnmadd_ps(five, x[3], x[5]));
  }
};

/// Aᵀ, on six numbers.
struct OutputMatrix {
  static constexpr int64_t kFrom = 6, kTo = 4;

  MOCO_AVX512_INLINE static void apply(const __m512* m, __m512* to) {
    const __m512 two = constant(2), four = constant(4), eight = constant(8);
    const __m512 sum = _mm512_add_ps(m[1], m[2]), difference = _mm512_sub_ps(m[1], m[2]);
    const __m512 sumAtTwo = _mm512_add_ps(m[3], m[4]);
    const __m512 differenceAtTwo = _mm512_sub_ps(m[3], m[4]);
    to[0] = _mm512_add_ps(_mm512_add_ps(m[0], sum), sumAtTwo);
    to[1] = _mm512_fmadd_ps(two, differenceAtTwo, difference);
    to[2] = _mm512_fmadd_ps(four, sumAtTwo, sum);
    to[3] = _mm512_add_ps(_mm512_fmadd_ps(eight, differenceAtTwo, difference), m[5]);
  }
};

/// A, on four numbers.
struct OutputGradientMatrix {
  static constexpr int64_t kFrom = 4, kTo = 6;

  MOCO_AVX512_INLINE static void apply(const __m512* dy, __m512* to) {
    const __m512 two = constant(2), four = constant(4);
    const __m512 even = _mm512_add_ps(dy[0], dy[2]), odd = _mm512_add_ps(dy[1], dy[3]);
    const __m512 evenAtTwo = _mm512_fmadd_ps(four, dy[2], dy[0]);
    const __m512 oddAtTwo = _mm512_mul_ps(two, _mm512_fmadd_ps(four, dy[3], dy[1]));
    to[0] = dy[0];
    to[1] = _mm512_add_ps(even, odd);
    to[2] = _mm512_sub_ps(even, odd);
    to[3] = _mm512_add_ps(evenAtTwo, oddAtTwo);
    to[4] = _mm512_sub_ps(evenAtTwo, oddAtTwo);
    to[5] = dy[3];
  }
};

/// G, on three numbers.
struct WeightMatrix {
  static constexpr int64_t kFrom = 3, kTo = 6;

  MOCO_AVX512_INLINE static void apply(const __m512* w, __m512* to) {
    const __m512 even = _mm512_mul_ps(constant(-1.f / 6), _mm512_add_ps(w[0], w[2]));
    const __m512 odd = _mm512_mul_ps(constant(-1.f / 6), w[1]);
    const __m512 evenAtTwo =
        _mm512_fmadd_ps(constant(1.f / 6), w[2], _mm512_mul_ps(constant(1.f / 24), w[0]));
    const __m512 oddAtTwo = _mm512_mul_ps(constant(1.f / 12), w[1]);
    to[0] = _mm512_mul_ps(constant(1.f / 4), w[0]);
    to[1] = _mm512_add_ps(even, odd);
    to[2] = _mm512_sub_ps(even, odd);
    to[3] = _mm512_add_ps(evenAtTwo, oddAtTwo);
    to[4] = _mm512_sub_ps(evenAtTwo, oddAtTwo);
    to[5] = w[2];
  }
};

/// Gᵀ, on six numbers.
struct WeightGradientMatrix {
  static constexpr int64_t kFrom = 6, kTo = 3;

  MOCO_AVX512_INLINE static void apply(const __m512* m, __m512* to) {
    const __m512 sum = _mm512_mul_ps(constant(-1.f / 6), _mm512_add_ps(m[1], m[2]));
    const __m512 difference = _mm512_mul_ps(constant(-1.f / 6), _mm512_sub_ps(m[1], m[2]));
    const __m512 sumAtTwo = _mm512_add_ps(m[3], m[4]);
    to[0] = _mm512_add_ps(_mm512_fmadd_ps(constant(1.f / 4), m[0], sum),
                          _mm512_mul_ps(constant(1.f / 24), sumAtTwo));
    to[1] = _mm512_fmadd_ps(constant(1.f / 12), _mm512_sub_ps(m[3], m[4]), difference);
    to[2] = _mm512_add_ps(_mm512_fmadd_ps(constant(1.f / 6), sumAtTwo, sum), m[5]);
  }
};

/// A matrix on both sides of a tile. `load(row, column)` gives a number of each of the lanes'
/// channels, `store(row, column, value)` takes the result's.
template <typename Matrix, typename Load, typename Store>
MOCO_AVX512_INLINE void transform(const Load& load, const Store& store) {
  constexpr int64_t kFrom = Matrix::kFrom, kTo = Matrix::kTo;
  __m512 half[kTo][kFrom];
#pragma GCC unroll 6
  for (int64_t column = 0; column < kFrom; ++column) {
    __m512 from[kFrom], to[kTo];
#pragma GCC unroll 6
    for (int64_t row = 0; row < kFrom; ++row) from[row] = load(row, column);
    Matrix::apply(from, to);
#pragma GCC unroll 6
    for (int64_t row = 0; row < kTo; ++row) half[row][column] = to[row];
  }
#pragma GCC unroll 6
  for (int64_t row = 0; row < kTo; ++row) {
    __m512 to[kTo];
    Matrix::apply(half[row], to);
#pragma GCC unroll 6
    for (int64_t column = 0; column < kTo; ++column) store(row, column, to[column]);
  }
}

MOCO_AVX512_INLINE float* pointAt(Points points, int64_t row, int64_t column) {
  return points.first + (row * kInput + column) * points.stride;
}

/// Both of two bf16 that lie side by side in memory.
MOCO_AVX512_INLINE __m512 lower(__m512i pairs) { return fromBits(_mm512_slli_epi32(pairs, 16)); }
MOCO_AVX512_INLINE __m512 upper(__m512i pairs) {
  return fromBits(_mm512_and_si512(pairs, _mm512_set1_epi32(static_cast<int>(0xffff0000))));
}

template <int64_t kCount>
MOCO_AVX512_INLINE void multiplyRows(const PanelProduct& of, int64_t firstRow) {
  const float* a = of.a + firstRow * of.rowStride;
  float* const c = of.c + firstRow * of.cStride;
  __m512 sum[kCount][kVectors];
#pragma GCC unroll 6
  for (int64_t row = 0; row < kCount; ++row) {
#pragma GCC unroll 4
    for (int64_t vector = 0; vector < kVectors; ++vector) {
      const float* const before = c + row * of.cStride + vector * kLanes;
      sum[row][vector] = of.add ? _mm512_loadu_ps(before) : _mm512_setzero_ps();
    }
  }
  const float* b = of.b;
  for (int64_t k = 0; k < of.depth; ++k, a += of.depthStride, b += of.bStride) {
    __m512 right[kVectors];
#pragma GCC unroll 4
    for (int64_t vector = 0; vector < kVectors; ++vector) {
      right[vector] = _mm512_loadu_ps(b + vector * kLanes);
    }
#pragma GCC unroll 6
    for (int64_t row = 0; row < kCount; ++row) {
      const __m512 left = constant(a[row * of.rowStride]);
#pragma GCC unroll 4
      for (int64_t vector = 0; vector < kVectors; ++vector) {
        sum[row][vector] = _mm512_fmadd_ps(left, right[vector], sum[row][vector]);
      }
    }
  }
#pragma GCC unroll 6
  for (int64_t row = 0; row < kCount; ++row) {
#pragma GCC unroll 4
    for (int64_t vector = 0; vector < kVectors; ++vector) {
      _mm512_storeu_ps(c + row * of.cStride + vector * kLanes, sum[row][vector]);
    }
  }
}

MOCO_AVX512 void multiplyLastRows(const PanelProduct& of, int64_t row) {
  static_assert(kRows == 6);
  switch (of.rows - row) {
    case 1:
      return multiplyRows<1>(of, row);
    case 2:
      return multiplyRows<2>(of, row);
    case 3:
      return multiplyRows<3>(of, row);
    case 4:
      return multiplyRows<4>(of, row);
    case 5:
      return multiplyRows<5>(of, row);
  }
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
    __m512i pairs[kTaps][kTaps];  // of input channels
    for (int64_t row = 0; row < kTaps; ++row) {
      for (int64_t column = 0; column < kTaps; ++column) {
        pairs[row][column] = _mm512_i32gather_epi32(
            outputs, weight + first * perOutput + (row * kTaps + column) * inputs,
            2 * sizeof(Bf16));
      }
    }
    transform<WeightMatrix>(
        [&](int64_t row, int64_t column) MOCO_AVX512_LAMBDA { return lower(pairs[row][column]); },
        [&](int64_t row, int64_t column, __m512 value)
            MOCO_AVX512_LAMBDA { _mm512_storeu_ps(pointAt(to, row, column) + first, value); });
    transform<WeightMatrix>([&](int64_t row, int64_t column)
                                MOCO_AVX512_LAMBDA { return upper(pairs[row][column]); },
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
  int64_t row = 0;
  for (; row + kRows <= product.rows; row += kRows) multiplyRows<kRows>(product, row);
  multiplyLastRows(product, row);
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
  return cpuHasAvx512Bf16() ? &kKernels : nullptr;
}

}  // namespace moco::kernels::winograd

#else

namespace moco::kernels::winograd {

const Kernels* kernels() { return nullptr; }

}  // namespace moco::kernels::winograd

#endif
