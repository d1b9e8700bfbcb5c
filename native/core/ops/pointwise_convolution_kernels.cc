#include "core/ops/pointwise_convolution_kernels.h"

#include "core/device/avx512.h"
#include "core/device/device.h"

#ifdef __x86_64__

namespace moco::kernels::pointwise {
namespace {

using avx512::kLanes;

constexpr int64_t kVectors = kPanel / kLanes;

/// Of 16 vectors of 16 numbers of 32 bits: columns become rows.
MOCO_AVX512 inline void transpose(__m512i* rows) {
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
  // Each quarter of fours[4 · i + column] is a 4 × 4 block's column; what is left is to transpose
  // the blocks.
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

MOCO_AVX512 void packColumns(const Bf16* rows, int64_t length, uint32_t* packed) {
  static_assert(kPairs == kLanes);
  for (int64_t first = 0; first < kPanel; first += kLanes) {
    __m512i pairs[kLanes];
    for (int64_t row = 0; row < kLanes; ++row) {
      pairs[row] = _mm512_loadu_si512(rows + (first + row) * length);
    }
    transpose(pairs);
    for (int64_t pair = 0; pair < kPairs; ++pair) {
      _mm512_store_si512(packed + pair * kPanel + first, pairs[pair]);
    }
  }
}

MOCO_AVX512 void packRows(const Bf16* rows, int64_t length, uint32_t* packed) {
  for (int64_t pair = 0; pair < kPairs; ++pair) {
    const Bf16* const first = rows + 2 * pair * length;
    for (int64_t column = 0; column < kPanel; column += kLanes) {
      const __m512i second = _mm512_slli_epi32(avx512::widened(first + length + column), 16);
      _mm512_store_si512(packed + pair * kPanel + column,
                         _mm512_or_si512(avx512::widened(first + column), second));
    }
  }
}

MOCO_AVX512 void multiply(const Bf16* const* rows, const Bf16* const* next, const uint32_t* packed,
                          int64_t pairs, Bf16* const* products) {
  const uint32_t* numbers[kRows];
  __m512 sum[kRows][kVectors];
#pragma GCC unroll 6
  for (int64_t row = 0; row < kRows; ++row) {
    numbers[row] = reinterpret_cast<const uint32_t*>(rows[row]);
    // Writing would wait for the lines to come, only to overwrite them.
    __builtin_prefetch(products[row], /*rw=*/1);
    __builtin_prefetch(products[row] + kPanel / 2, /*rw=*/1);
#pragma GCC unroll 4
    for (int64_t vector = 0; vector < kVectors; ++vector) sum[row][vector] = _mm512_setzero_ps();
  }
  int64_t pair = 0;
  for (int64_t fetched = 0; fetched < kRows; ++fetched) {
    // A row's length in as many steps.
    const auto* soon = reinterpret_cast<const char*>(next[fetched]);
    const int64_t end = (fetched + 1) * pairs / kRows;
    for (; pair < end; ++pair, soon += kRows * sizeof(uint32_t)) {
      _mm_prefetch(soon, _MM_HINT_T0);
      __m512bh right[kVectors];
#pragma GCC unroll 4
      for (int64_t vector = 0; vector < kVectors; ++vector) {
        right[vector] = (__m512bh)_mm512_load_si512(packed + pair * kPanel + vector * kLanes);
      }
#pragma GCC unroll 6
      for (int64_t row = 0; row < kRows; ++row) {
        const auto left = (__m512bh)_mm512_set1_epi32(static_cast<int>(numbers[row][pair]));
#pragma GCC unroll 4
        for (int64_t vector = 0; vector < kVectors; ++vector) {
          sum[row][vector] = _mm512_dpbf16_ps(sum[row][vector], left, right[vector]);
        }
      }
    }
  }
#pragma GCC unroll 6
  for (int64_t row = 0; row < kRows; ++row) {
#pragma GCC unroll 4
    for (int64_t vector = 0; vector < kVectors; ++vector) {
      avx512::store(sum[row][vector], products[row] + vector * kLanes);
    }
  }
}

}  // namespace

const Kernels* kernels() {
  static constexpr Kernels kKernels{
      .packColumns = packColumns, .packRows = packRows, .multiply = multiply};
  return cpuHasAvx512Bf16() ? &kKernels : nullptr;
}

}  // namespace moco::kernels::pointwise

#else

namespace moco::kernels::pointwise {

const Kernels* kernels() { return nullptr; }

}  // namespace moco::kernels::pointwise

#endif
