#pragma once

#ifdef __x86_64__

#include <cstdint>

#include "core/device/avx512.h"

/// The matrices of Winograd's minimal filtering F(4×4, 3×3) (winograd_convolution_kernels.h), each
/// written out as sums of vectors of 16 channels. It interpolates at 0, 1, −1, 2, −2 and infinity;
/// what belongs to 1 and −1, or to 2 and −2, shares one sum over even and one over odd places.
namespace moco::kernels::winograd_convolution {

MOCO_AVX512_INLINE __m512 constant(float value) { return _mm512_set1_ps(value); }

/// Bᵀ, applied to six numbers of the input.
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

/// Aᵀ, applied to six numbers of a product.
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

/// A, applied to four numbers of the gradient by the output.
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

/// G, applied to three taps of the weight.
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

/// Gᵀ, applied to six numbers of the gradient by the transformed weight.
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

/// Applies a matrix from both sides to a tile: T x Tᵀ.
/// @param load   load(row, column) gives the tile's number there, of 16 channels
/// @param store  store(row, column, value) takes the result's
template <typename Matrix, typename Load, typename Store>
MOCO_AVX512_INLINE void transform(const Load& load, const Store& store) {
  constexpr int64_t kFrom = Matrix::kFrom, kTo = Matrix::kTo;
  __m512 half[kTo][kFrom];
#pragma GCC unroll 9
  for (int64_t column = 0; column < kFrom; ++column) {
    __m512 from[kFrom], to[kTo];
#pragma GCC unroll 9
    for (int64_t row = 0; row < kFrom; ++row) from[row] = load(row, column);
    Matrix::apply(from, to);
#pragma GCC unroll 9
    for (int64_t row = 0; row < kTo; ++row) half[row][column] = to[row];
  }
#pragma GCC unroll 9
  for (int64_t row = 0; row < kTo; ++row) {
    __m512 to[kTo];
    Matrix::apply(half[row], to);
#pragma GCC unroll 9
    for (int64_t column = 0; column < kTo; ++column) store(row, column, to[column]);
  }
}

}  // namespace moco::kernels::winograd_convolution

#endif
