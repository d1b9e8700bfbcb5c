#pragma once

#ifdef __x86_64__

#include <c10/util/BFloat16.h>
#include <immintrin.h>

#include <cstdint>

// Stands on every function that uses AVX-512. The rest is compiled without -march, so that the
// addon also runs on processors that lack these instructions.
#define MOCO_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni,avx512bf16")))
#define MOCO_AVX512_INLINE MOCO_AVX512 __attribute__((always_inline)) inline

/// Vectors of 16 numbers. To be called only where `useCpuKernels()`. Addresses need not be
/// aligned.
namespace moco::kernels::avx512 {

using Bf16 = c10::BFloat16;

constexpr int64_t kLanes = 16;

/// Loads 16 bf16 numbers, each into the lower half of 32 bits; the upper half is zero.
MOCO_AVX512_INLINE __m512i widened(const Bf16* from) {
  return _mm512_cvtepu16_epi32(_mm256_loadu_epi16(from));
}

MOCO_AVX512_INLINE __m512 load(const float* from) { return _mm512_loadu_ps(from); }

MOCO_AVX512_INLINE __m512 load(const Bf16* from) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(widened(from), 16));
}

/// Rounds to the nearest bf16; of two that are equally near, to the even one.
MOCO_AVX512_INLINE __m256i rounded(__m512 values) { return (__m256i)_mm512_cvtneps_pbh(values); }

MOCO_AVX512_INLINE void store(__m512 values, float* to) { _mm512_storeu_ps(to, values); }

MOCO_AVX512_INLINE void store(__m512 values, Bf16* to) { _mm256_storeu_epi16(to, rounded(values)); }

/// The lower half of the 32 bits of each number, those of `first` before those of `second`.
MOCO_AVX512_INLINE __m512i lowerHalvesOf(__m512i first, __m512i second) {
  const __m512i places =
      _mm512_set_epi16(62, 60, 58, 56, 54, 52, 50, 48, 46, 44, 42, 40, 38, 36, 34, 32, 30, 28, 26,
                       24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
  return _mm512_permutex2var_epi16(first, places, second);
}

/// Transposes 16 rows of 16 numbers of 32 bits, in place.
MOCO_AVX512_INLINE void transpose(__m512i* rows) {
  __m512i pairs[kLanes];
  for (int64_t i = 0; i < kLanes; i += 2) {
    pairs[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    pairs[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
  }
  __m512i fours[kLanes];
  for (int64_t i = 0; i < kLanes; i += 4) {
    fours[i] = _mm512_unpacklo_epi64(pairs[i], pairs[i + 2]);
    fours[i + 1] = _mm512_unpackhi_epi64(pairs[i], pairs[i + 2]);
    fours[i + 2] = _mm512_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
    fours[i + 3] = _mm512_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
  }
  // Quarter q of fours[4 · i + column] now holds what rows 4 · i to 4 · i + 3 have in column
  // 4 · q + column. What is left is to bring the four quarters of each column together.
  for (int64_t column = 0; column < 4; ++column) {
    const __m512i low = _mm512_shuffle_i32x4(fours[column], fours[column + 4], 0x88);
    const __m512i high = _mm512_shuffle_i32x4(fours[column], fours[column + 4], 0xdd);
    const __m512i lowAfter = _mm512_shuffle_i32x4(fours[column + 8], fours[column + 12], 0x88);
    const __m512i highAfter = _mm512_shuffle_i32x4(fours[column + 8], fours[column + 12], 0xdd);
    rows[column] = _mm512_shuffle_i32x4(low, lowAfter, 0x88);
    rows[column + 8] = _mm512_shuffle_i32x4(low, lowAfter, 0xdd);
    rows[column + 4] = _mm512_shuffle_i32x4(high, highAfter, 0x88);
    rows[column + 12] = _mm512_shuffle_i32x4(high, highAfter, 0xdd);
  }
}

/// Of each of 16 vectors, the sum of its numbers.
MOCO_AVX512_INLINE __m512 sumOfEach(__m512* vectors) {
  __m512* const v = vectors;
#pragma GCC unroll 8
  for (int64_t i = 0; i < 8; ++i) {
    v[i] = _mm512_add_ps(_mm512_unpacklo_ps(v[2 * i], v[2 * i + 1]),
                         _mm512_unpackhi_ps(v[2 * i], v[2 * i + 1]));
  }
#pragma GCC unroll 4
  for (int64_t i = 0; i < 4; ++i) {
    const __m512d even = _mm512_castps_pd(v[2 * i]), odd = _mm512_castps_pd(v[2 * i + 1]);
    v[i] = _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(even, odd)),
                         _mm512_castpd_ps(_mm512_unpackhi_pd(even, odd)));
  }
  // Now each quarter of v[i] has a part of the sums of four vectors.
  constexpr int kEvenQuarters = 0x88, kOddQuarters = 0xdd;
#pragma GCC unroll 2
  for (int64_t i = 0; i < 2; ++i) {
    v[i] = _mm512_add_ps(_mm512_shuffle_f32x4(v[2 * i], v[2 * i + 1], kEvenQuarters),
                         _mm512_shuffle_f32x4(v[2 * i], v[2 * i + 1], kOddQuarters));
  }
  return _mm512_add_ps(_mm512_shuffle_f32x4(v[0], v[1], kEvenQuarters),
                       _mm512_shuffle_f32x4(v[0], v[1], kOddQuarters));
}

}  // namespace moco::kernels::avx512

#endif
