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

}  // namespace moco::kernels::avx512

#endif
