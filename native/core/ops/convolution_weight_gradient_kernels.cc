#include "core/ops/convolution_weight_gradient_kernels.h"

#include <algorithm>

#include "core/device/avx512.h"
#include "core/device/device.h"

#ifdef __x86_64__

namespace moco::kernels::tiles {
namespace {

using avx512::kLanes;

constexpr int64_t kLine = 64;  // bytes
// Sums in registers: 4 × 4 vectors hide the multiplication's latency, and need only eight loads for
// sixteen multiplications.
constexpr int64_t kRows = 4;
constexpr int64_t kVectors = kTileB / kLanes;
static_assert(linesFetchedBy(1) == kTileA / kRows);

MOCO_AVX512 inline __mmask16 firstLanes(int64_t count) {
  return static_cast<__mmask16>((1u << std::clamp<int64_t>(count, 0, kLanes)) - 1);
}

/// Puts 16 numbers of two rows side by side: one row's first, the other's first, …
MOCO_AVX512 inline void packLanes(__m256i upper, __m256i lower, uint32_t* packed) {
  // Numbers of the first vector count from 0, of the second one from 32.
  const __m512i upperLanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  const __m512i lowerLanes = _mm512_add_epi32(upperLanes, _mm512_set1_epi32(32));
  const __m512i alternately = _mm512_or_si512(upperLanes, _mm512_slli_epi32(lowerLanes, 16));
  _mm512_store_si512(packed, _mm512_permutex2var_epi16(_mm512_castsi256_si512(upper), alternately,
                                                       _mm512_castsi256_si512(lower)));
}

template <int64_t kWidth>
MOCO_AVX512 inline void packTile(const Bf16* const* rows, int64_t pairs, int64_t first,
                                 int64_t count, uint32_t* packed) {
  for (int64_t pair = 0; pair < pairs; ++pair) {
    const Bf16* const upper = rows[2 * pair] + first;
    const Bf16* const lower = rows[2 * pair + 1] + first;
    for (int64_t column = 0; column < kWidth; column += kLanes) {
      uint32_t* const to = packed + pair * kWidth + column;
      if (column + kLanes <= count) {
        packLanes(_mm256_loadu_si256((const __m256i*)(upper + column)),
                  _mm256_loadu_si256((const __m256i*)(lower + column)), to);
      } else {
        const __mmask16 present = firstLanes(count - column);
        packLanes(_mm256_maskz_loadu_epi16(present, upper + column),
                  _mm256_maskz_loadu_epi16(present, lower + column), to);
      }
    }
  }
}

/// `kRows` rows of a tile's sums; fetches a line for each pair.
MOCO_AVX512 inline void multiplyRows(const uint32_t* a, const uint32_t* b, int64_t pairs, bool add,
                                     float* sums, const char* soon, int64_t lastLine) {
  __m512 sum[kRows][kVectors];
  for (int64_t row = 0; row < kRows; ++row) {
    for (int64_t vector = 0; vector < kVectors; ++vector) {
      const float* const before = sums + row * kTileB + vector * kLanes;
      sum[row][vector] = add ? _mm512_load_ps(before) : _mm512_setzero_ps();
    }
  }
  for (int64_t pair = 0; pair < pairs; ++pair) {
    _mm_prefetch(soon + kLine * std::min(pair, lastLine), _MM_HINT_T1);
    __m512bh right[kVectors];
    for (int64_t vector = 0; vector < kVectors; ++vector) {
      right[vector] = (__m512bh)_mm512_load_si512(b + pair * kTileB + vector * kLanes);
    }
    for (int64_t row = 0; row < kRows; ++row) {
      const auto left = (__m512bh)_mm512_set1_epi32(static_cast<int>(a[pair * kTileA + row]));
      for (int64_t vector = 0; vector < kVectors; ++vector) {
        sum[row][vector] = _mm512_dpbf16_ps(sum[row][vector], left, right[vector]);
      }
    }
  }
  for (int64_t row = 0; row < kRows; ++row) {
    for (int64_t vector = 0; vector < kVectors; ++vector) {
      _mm512_store_ps(sums + row * kTileB + vector * kLanes, sum[row][vector]);
    }
  }
}

MOCO_AVX512 void packTileA(const Bf16* const* rows, int64_t pairs, int64_t first, int64_t count,
                           uint32_t* packed) {
  packTile<kTileA>(rows, pairs, first, count, packed);
}

MOCO_AVX512 void packTileB(const Bf16* const* rows, int64_t pairs, int64_t first, int64_t count,
                           uint32_t* packed) {
  packTile<kTileB>(rows, pairs, first, count, packed);
}

MOCO_AVX512 void multiply(const uint32_t* a, const uint32_t* b, int64_t pairs, bool add,
                          float* sums, const Lines& soon) {
  for (int64_t row = 0; row < kTileA; row += kRows) {
    const int64_t fetched = std::min(row / kRows * pairs, soon.count);
    multiplyRows(a + row, b, pairs, add, sums + row * kTileB, soon.first + fetched * kLine,
                 soon.count - fetched);
  }
}

MOCO_AVX512 void addAndRound(const float* first, int64_t arrays, int64_t stride, int64_t count,
                             Bf16* result) {
  for (int64_t i = 0; i < count; i += kLanes) {
    const __mmask16 present = firstLanes(count - i);
    __m512 sum = _mm512_maskz_loadu_ps(present, first + i);
    for (int64_t array = 1; array < arrays; ++array) {
      sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(present, first + array * stride + i));
    }
    _mm256_mask_storeu_epi16(result + i, present, avx512::rounded(sum));
  }
}

}  // namespace

const Kernels* kernels() {
  static constexpr Kernels kKernels{.packTileA = packTileA,
                                    .packTileB = packTileB,
                                    .multiply = multiply,
                                    .addAndRound = addAndRound};
  return cpuHasAvx512Bf16() ? &kKernels : nullptr;
}

}  // namespace moco::kernels::tiles

#else

namespace moco::kernels::tiles {

const Kernels* kernels() { return nullptr; }

}  // namespace moco::kernels::tiles

#endif
