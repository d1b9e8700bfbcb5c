#pragma once

#ifdef __x86_64__

#include <cstdint>

#include "core/device/avx512.h"

/// What our matrix products A·B have in common: a tile of the result, whose sums stay in vector
/// registers while the caller walks along the depth k of the product. At each k one number of A for
/// every row of the tile is multiplied with a row of B:
///
///   sums[row][column] += a(row) · b[column]
///
/// The numbers are fp32, or pairs of bf16 or of integers in 32 bits. The instruction of AVX512-BF16
/// multiplies 16 pairs with 16 other pairs and adds both products of a pair to one fp32 sum; that
/// of AVX512-VNNI does so with integers. A pair therefore holds two neighbours along the depth, and
/// a step along pairs is a step by two numbers.
namespace moco::kernels {

namespace avx512 {

/// 16 pairs: the first number of each, in the lower half of its 32 bits, comes from `first`, the
/// second one from `second`.
MOCO_AVX512_INLINE __m512i pairsOf(__m256i first, __m256i second) {
  // The permutation counts the numbers of `first` from 0 and those of `second` from 32.
  const __m512i ofFirst = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  const __m512i ofSecond = _mm512_add_epi32(ofFirst, _mm512_set1_epi32(32));
  const __m512i alternately = _mm512_or_si512(ofFirst, _mm512_slli_epi32(ofSecond, 16));
  return _mm512_permutex2var_epi16(_mm512_castsi256_si512(first), alternately,
                                   _mm512_castsi256_si512(second));
}

MOCO_AVX512_INLINE __m512 loadFactors(const float* numbers) { return _mm512_loadu_ps(numbers); }
MOCO_AVX512_INLINE __m512bh loadFactors(const uint32_t* pairs) {
  return (__m512bh)_mm512_loadu_si512(pairs);
}

MOCO_AVX512_INLINE __m512i loadFactors(const int32_t* pairs) { return _mm512_loadu_si512(pairs); }

MOCO_AVX512_INLINE __m512 broadcast(float number) { return _mm512_set1_ps(number); }
MOCO_AVX512_INLINE __m512bh broadcast(uint32_t pair) {
  return (__m512bh)_mm512_set1_epi32(static_cast<int>(pair));
}
MOCO_AVX512_INLINE __m512i broadcast(int32_t pair) { return _mm512_set1_epi32(pair); }

MOCO_AVX512_INLINE __m512 multiplyAdd(__m512 a, __m512 b, __m512 sum) {
  return _mm512_fmadd_ps(a, b, sum);
}
MOCO_AVX512_INLINE __m512 multiplyAdd(__m512bh a, __m512bh b, __m512 sum) {
  return _mm512_dpbf16_ps(sum, a, b);
}
MOCO_AVX512_INLINE __m512i multiplyAdd(__m512i a, __m512i b, __m512i sum) {
  // As an intrinsic function, g++ 12 surrounds it with copies of the sum.
  asm("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
  return sum;
}

/// 16 sums.
template <typename Number>
struct VectorOf;
template <>
struct VectorOf<float> {
  using Type = __m512;
};
template <>
struct VectorOf<int32_t> {
  using Type = __m512i;
};

/// The larger one. The second operand of `max` is what it gives where one of them is NaN.
MOCO_AVX512_INLINE __m512 atLeast(float least, __m512 values) {
  return _mm512_max_ps(_mm512_set1_ps(least), values);
}

}  // namespace avx512

/// Sums of kRows rows and kColumns columns, which are zero at first.
///
/// 16 vectors of sums hide the latency of a multiplication. More rows need fewer loads of B for
/// each multiplication, as far as there are registers. The loops are unrolled as a whole, because
/// only a sum whose place the compiler knows can stay in a register.
/// @tparam Number  of the sums: float, or int32_t for those of integers
template <int64_t kRows, int64_t kColumns, typename Number = float>
class RegisterTile {
 public:
  MOCO_AVX512_INLINE RegisterTile() {
#pragma GCC unroll 8
    for (int64_t row = 0; row < kRows; ++row) {
#pragma GCC unroll 8
      for (int64_t i = 0; i < kVectors; ++i) sums_[row][i] = Vector{};
    }
  }

  /// Sums of integers, each times the scales of its row and its column, with a bias for each
  /// column.
  MOCO_AVX512_INLINE RegisterTile(const RegisterTile<kRows, kColumns, int32_t>& integers,
                                  const float* rowScales, const float* columnScales,
                                  const float* bias) {
#pragma GCC unroll 8
    for (int64_t i = 0; i < kVectors; ++i) {
      const __m512 columns = avx512::load(columnScales + i * kLanes);
      const __m512 shift = avx512::load(bias + i * kLanes);
#pragma GCC unroll 8
      for (int64_t row = 0; row < kRows; ++row) {
        const __m512 scale = _mm512_mul_ps(_mm512_set1_ps(rowScales[row]), columns);
        sums_[row][i] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(integers.sums_[row][i]), scale, shift);
      }
    }
  }

  /// Continues with sums that were stored before.
  /// @param stride  numbers from one row to the next
  MOCO_AVX512_INLINE void load(const float* sums, int64_t stride) {
#pragma GCC unroll 8
    for (int64_t row = 0; row < kRows; ++row) {
#pragma GCC unroll 8
      for (int64_t i = 0; i < kVectors; ++i) {
        sums_[row][i] = avx512::load(sums + row * stride + i * kLanes);
      }
    }
  }

  /// Adds the products at one place along the depth.
  /// @param a  a(row) is the number of A for a row: a float, or a pair of bf16 as a uint32_t
  /// @param b  kColumns numbers of the same type: a row of B
  template <typename A, typename Factor>
  MOCO_AVX512_INLINE void multiplyAdd(const A& a, const Factor* b) {
    decltype(avx512::loadFactors(b)) right[kVectors];
#pragma GCC unroll 8
    for (int64_t i = 0; i < kVectors; ++i) right[i] = avx512::loadFactors(b + i * kLanes);
#pragma GCC unroll 8
    for (int64_t row = 0; row < kRows; ++row) {
      const auto left = avx512::broadcast(a(row));
#pragma GCC unroll 8
      for (int64_t i = 0; i < kVectors; ++i) {
        sums_[row][i] = avx512::multiplyAdd(left, right[i], sums_[row][i]);
      }
    }
  }

  /// Adds numbers to the sums.
  /// @param stride  numbers from one row to the next
  template <typename Addend>
  MOCO_AVX512_INLINE void add(const Addend* addends, int64_t stride) {
#pragma GCC unroll 8
    for (int64_t row = 0; row < kRows; ++row) {
#pragma GCC unroll 8
      for (int64_t i = 0; i < kVectors; ++i) {
        const __m512 addend = avx512::load(addends + row * stride + i * kLanes);
        sums_[row][i] = _mm512_add_ps(sums_[row][i], addend);
      }
    }
  }

  /// Raises sums that are smaller to `least`. NaN stays NaN.
  MOCO_AVX512_INLINE void raise(float least) {
#pragma GCC unroll 8
    for (int64_t row = 0; row < kRows; ++row) {
#pragma GCC unroll 8
      for (int64_t i = 0; i < kVectors; ++i) {
        sums_[row][i] = avx512::atLeast(least, sums_[row][i]);
      }
    }
  }

  /// @param sums    kRows rows of fp32 or bf16, to which sums are rounded
  /// @param stride  numbers from one row to the next
  template <typename To>
  MOCO_AVX512_INLINE void store(To* sums, int64_t stride) const {
#pragma GCC unroll 8
    for (int64_t row = 0; row < kRows; ++row) storeRow(row, sums + row * stride);
  }

  /// Stores the sums rounded to bf16.
  /// @param rows  kRows pointers, each to kColumns numbers
  MOCO_AVX512_INLINE void store(avx512::Bf16* const* rows) const {
#pragma GCC unroll 8
    for (int64_t row = 0; row < kRows; ++row) storeRow(row, rows[row]);
  }

 private:
  template <int64_t, int64_t, typename>
  friend class RegisterTile;

  using Vector = typename avx512::VectorOf<Number>::Type;

  static constexpr int64_t kLanes = avx512::kLanes;
  static constexpr int64_t kVectors = kColumns / kLanes;
  static_assert(kColumns % kLanes == 0);
  static_assert(kRows <= 8 && kVectors <= 8, "the loops are unrolled up to eight times");
  static_assert(kRows * kVectors + kVectors + 1 <= 32,
                "32 registers hold the sums, a row of B and a number of A");

  template <typename To>
  MOCO_AVX512_INLINE void storeRow(int64_t row, To* to) const {
#pragma GCC unroll 8
    for (int64_t i = 0; i < kVectors; ++i) avx512::store(sums_[row][i], to + i * kLanes);
  }

  Vector sums_[kRows][kVectors];
};

}  // namespace moco::kernels

#endif
