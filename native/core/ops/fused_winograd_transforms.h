#pragma once

#include <array>
#include <cstdint>

/// Winograd's minimal filtering as fused convolutions use it: Y = Aᵀ[(G w Gᵀ) ⊙ (Bᵀ x B)]A (Lavin &
/// Gray 2016, arXiv:1509.09308), of 4×4 outputs of a 3×3 convolution.
///
/// With stride 1 it is F(4×4, 3×3), interpolated at 0, ±p, ±q and infinity: 36 products in place of
/// 144. With stride 2, the first and the last tap meet every other pixel, and the middle one those
/// between: along a side, a tile is F(4, 2) of the former, interpolated at ±p, ±q and infinity, and
/// 4 plain products of the latter. Those are 81 products in place of 144.
namespace moco::fused_winograd {

constexpr int64_t kTaps = 3;    // of the kernel's side
constexpr int64_t kOutput = 4;  // pixels of a tile's output on its side
constexpr int64_t kKinds = 6;   // rows of G

template <int64_t kStride>
struct Filtering;

template <>
struct Filtering<1> {
  static constexpr int64_t kInput = 6;  // pixels of a tile's input on its side, and rows of Bᵀ
  static constexpr int64_t kPoints = kInput * kInput;  // a tile's products, for each channel
  /// With these points its rounding errors are half as large as with the usual ones, 1 and 2.
  static constexpr double kP = 0.75, kQ = 1.5;

  /// The row of G that belongs to a row of Bᵀ.
  static constexpr int64_t kindOf(int64_t row) { return row; }

  /// G. What belongs to a point is divided by the product of its distances to the others.
  static constexpr std::array<std::array<double, kTaps>, kKinds> weightMatrix() {
    const double ofP = 2 * kP * kP * (kP * kP - kQ * kQ), ofQ = 2 * kQ * kQ * (kQ * kQ - kP * kP);
    return {{{1 / (kP * kP * kQ * kQ), 0, 0},
             {1 / ofP, kP / ofP, kP * kP / ofP},
             {1 / ofP, -kP / ofP, kP * kP / ofP},
             {1 / ofQ, kQ / ofQ, kQ * kQ / ofQ},
             {1 / ofQ, -kQ / ofQ, kQ * kQ / ofQ},
             {0, 0, 1}}};
  }
};

template <>
struct Filtering<2> {
  static constexpr int64_t kInput = 9;
  static constexpr int64_t kPoints = kInput * kInput;
  static constexpr double kP = 0.5, kQ = 1.25;

  /// All rows of plain products have the same tap.
  static constexpr int64_t kindOf(int64_t row) { return row < kKinds ? row : kKinds - 1; }

  static constexpr std::array<std::array<double, kTaps>, kKinds> weightMatrix() {
    const double ofP = 2 * kP * (kP * kP - kQ * kQ), ofQ = 2 * kQ * (kQ * kQ - kP * kP);
    return {{{1 / ofP, 0, kP / ofP},
             {-1 / ofP, 0, kP / ofP},
             {1 / ofQ, 0, kQ / ofQ},
             {-1 / ofQ, 0, kQ / ofQ},
             {0, 0, 1},
             {0, 1, 0}}};
  }
};

/// Different weights among a tile's products.
constexpr int64_t kWeights = kKinds * kKinds;

/// The number of a point's weight.
template <int64_t kStride>
constexpr int64_t weightOf(int64_t point) {
  using Of = Filtering<kStride>;
  return Of::kindOf(point / Of::kInput) * kKinds + Of::kindOf(point % Of::kInput);
}

}  // namespace moco::fused_winograd

#ifdef __x86_64__

#include "core/device/avx512.h"

namespace moco::fused_winograd {

MOCO_AVX512_INLINE __m512 constant(double value) {
  return _mm512_set1_ps(static_cast<float>(value));
}

/// Bᵀ, applied to a side of the input.
template <int64_t kStride>
struct InputMatrix;
/// Aᵀ, applied to a side of the products.
template <int64_t kStride>
struct OutputMatrix;

template <>
struct InputMatrix<1> {
  static constexpr int64_t kFrom = 6, kTo = 6;

  MOCO_AVX512_INLINE static void apply(const __m512* x, __m512* to) {
    constexpr double kP = Filtering<1>::kP, kQ = Filtering<1>::kQ;
    const __m512 p2 = constant(kP * kP), q2 = constant(kQ * kQ);
    const __m512 sum = constant(kP * kP + kQ * kQ), product = constant(kP * kP * kQ * kQ);
    const __m512 evenAtP = _mm512_fnmadd_ps(q2, x[2], x[4]);
    const __m512 oddAtP = _mm512_mul_ps(constant(kP), _mm512_fnmadd_ps(q2, x[1], x[3]));
    const __m512 evenAtQ = _mm512_fnmadd_ps(p2, x[2], x[4]);
    const __m512 oddAtQ = _mm512_mul_ps(constant(kQ), _mm512_fnmadd_ps(p2, x[1], x[3]));
    to[0] = _mm512_fmadd_ps(product, x[0], _mm512_fnmadd_ps(sum, x[2], x[4]));
    to[1] = _mm512_add_ps(evenAtP, oddAtP);
    to[2] = _mm512_sub_ps(evenAtP, oddAtP);
    to[3] = _mm512_add_ps(evenAtQ, oddAtQ);
    to[4] = _mm512_sub_ps(evenAtQ, oddAtQ);
    to[5] = _mm512_fmadd_ps(product, x[1], _mm512_fnmadd_ps(sum, x[3], x[5]));
  }
};

template <>
struct OutputMatrix<1> {
  static constexpr int64_t kFrom = 6, kTo = 4;

  MOCO_AVX512_INLINE static void apply(const __m512* m, __m512* to) {
    constexpr double kP = Filtering<1>::kP, kQ = Filtering<1>::kQ;
    const __m512 sumAtP = _mm512_add_ps(m[1], m[2]), sumAtQ = _mm512_add_ps(m[3], m[4]);
    const __m512 differenceAtP = _mm512_sub_ps(m[1], m[2]);
    const __m512 differenceAtQ = _mm512_sub_ps(m[3], m[4]);
    to[0] = _mm512_add_ps(_mm512_add_ps(m[0], sumAtP), sumAtQ);
    to[1] =
        _mm512_fmadd_ps(constant(kP), differenceAtP, _mm512_mul_ps(constant(kQ), differenceAtQ));
    to[2] = _mm512_fmadd_ps(constant(kP * kP), sumAtP, _mm512_mul_ps(constant(kQ * kQ), sumAtQ));
    to[3] = _mm512_fmadd_ps(constant(kP * kP * kP), differenceAtP,
                            _mm512_fmadd_ps(constant(kQ * kQ * kQ), differenceAtQ, m[5]));
  }
};

template <>
struct InputMatrix<2> {
  static constexpr int64_t kFrom = 9, kTo = 9;

  MOCO_AVX512_INLINE static void apply(const __m512* x, __m512* to) {
    constexpr double kP = Filtering<2>::kP, kQ = Filtering<2>::kQ;
    const __m512 p2 = constant(kP * kP), q2 = constant(kQ * kQ);
    const __m512 oddAtP = _mm512_fnmadd_ps(q2, x[2], x[6]);
    const __m512 evenAtP = _mm512_mul_ps(constant(kP), _mm512_fnmadd_ps(q2, x[0], x[4]));
    const __m512 oddAtQ = _mm512_fnmadd_ps(p2, x[2], x[6]);
    const __m512 evenAtQ = _mm512_mul_ps(constant(kQ), _mm512_fnmadd_ps(p2, x[0], x[4]));
    to[0] = _mm512_add_ps(oddAtP, evenAtP);
    to[1] = _mm512_sub_ps(oddAtP, evenAtP);
    to[2] = _mm512_add_ps(oddAtQ, evenAtQ);
    to[3] = _mm512_sub_ps(oddAtQ, evenAtQ);
    to[4] = _mm512_fmadd_ps(constant(kP * kP * kQ * kQ), x[0],
                            _mm512_fnmadd_ps(constant(kP * kP + kQ * kQ), x[4], x[8]));
#pragma GCC unroll 4
    for (int64_t i = 0; i < kOutput; ++i) to[5 + i] = x[1 + 2 * i];
  }
};

template <>
struct OutputMatrix<2> {
  static constexpr int64_t kFrom = 9, kTo = 4;

  MOCO_AVX512_INLINE static void apply(const __m512* m, __m512* to) {
    constexpr double kP = Filtering<2>::kP, kQ = Filtering<2>::kQ;
    const __m512 sumAtP = _mm512_add_ps(m[0], m[1]), sumAtQ = _mm512_add_ps(m[2], m[3]);
    const __m512 differenceAtP = _mm512_sub_ps(m[0], m[1]);
    const __m512 differenceAtQ = _mm512_sub_ps(m[2], m[3]);
    const __m512 rest = _mm512_add_ps(m[4], m[8]);
    to[0] = _mm512_add_ps(_mm512_add_ps(sumAtP, sumAtQ), m[5]);
    to[1] = _mm512_fmadd_ps(constant(kP), differenceAtP,
                            _mm512_fmadd_ps(constant(kQ), differenceAtQ, m[6]));
    to[2] = _mm512_fmadd_ps(constant(kP * kP), sumAtP,
                            _mm512_fmadd_ps(constant(kQ * kQ), sumAtQ, m[7]));
    to[3] = _mm512_fmadd_ps(constant(kP * kP * kP), differenceAtP,
                            _mm512_fmadd_ps(constant(kQ * kQ * kQ), differenceAtQ, rest));
  }
};

}  // namespace moco::fused_winograd

#endif
