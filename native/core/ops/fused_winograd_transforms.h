#pragma once

#include <array>

/// Winograd's minimal filtering F(4×4, 3×3) as fused convolutions use it: Y = Aᵀ[(G w Gᵀ) ⊙
/// (Bᵀ x B)]A (Lavin & Gray 2016, arXiv:1509.09308), interpolated at 0, ±p, ±q and infinity.
namespace moco::fused_winograd {

/// With these points its rounding errors are half as large as with the usual ones, 1 and 2.
constexpr double kP = 0.75, kQ = 1.5;

/// G. What belongs to a point is divided by the product of its distances to the others.
constexpr std::array<std::array<double, 3>, 6> weightMatrix() {
  const double ofP = 2 * kP * kP * (kP * kP - kQ * kQ), ofQ = 2 * kQ * kQ * (kQ * kQ - kP * kP);
  return {{{1 / (kP * kP * kQ * kQ), 0, 0},
           {1 / ofP, kP / ofP, kP * kP / ofP},
           {1 / ofP, -kP / ofP, kP * kP / ofP},
           {1 / ofQ, kQ / ofQ, kQ * kQ / ofQ},
           {1 / ofQ, -kQ / ofQ, kQ * kQ / ofQ},
           {0, 0, 1}}};
}

}  // namespace moco::fused_winograd

#ifdef __x86_64__

#include "core/device/avx512.h"

namespace moco::fused_winograd {

MOCO_AVX512_INLINE __m512 constant(double value) {
  return _mm512_set1_ps(static_cast<float>(value));
}

/// Bᵀ, applied to six numbers of the input.
struct InputMatrix {
  static constexpr int64_t kFrom = 6, kTo = 6;

  MOCO_AVX512_INLINE static void apply(const __m512* x, __m512* to) {
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

/// Aᵀ, applied to six numbers of a product.
struct OutputMatrix {
  static constexpr int64_t kFrom = 6, kTo = 4;

  MOCO_AVX512_INLINE static void apply(const __m512* m, __m512* to) {
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

}  // namespace moco::fused_winograd

#endif
