#include "core/ops/pointwise_convolution_kernels.h"

#include "core/device/avx512.h"
#include "core/device/cpu_kernels.h"
#include "core/ops/register_tile.h"

#ifdef __x86_64__

namespace moco::kernels::pointwise_convolution {
namespace {

using avx512::kLanes;

/// Transposes 16 rows of 16 numbers of 32 bits, in place.
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
    const Bf16* const second = first + length;
    for (int64_t column = 0; column < kPanel; column += kLanes) {
      const __m512i pairs =
          avx512::pairsOf(_mm256_loadu_epi16(first + column), _mm256_loadu_epi16(second + column));
      _mm512_store_si512(packed + pair * kPanel + column, pairs);
    }
  }
}

MOCO_AVX512 void multiply(const Bf16* const* rows, const Bf16* const* next, const uint32_t* packed,
                          int64_t pairs, Bf16* const* products) {
  const uint32_t* rowPairs[kRows];
#pragma GCC unroll 6
  for (int64_t row = 0; row < kRows; ++row) {
    rowPairs[row] = reinterpret_cast<const uint32_t*>(rows[row]);
    // Storing the products overwrites whole cache lines, and yet would wait until they have come
    // from memory.
    __builtin_prefetch(products[row], /*rw=*/1);
    __builtin_prefetch(products[row] + kPanel / 2, /*rw=*/1);
  }
  RegisterTile<kRows, kPanel> tile;
  int64_t pair = 0;
  // Each of the next rows is fetched during one kRows-th of the pairs.
  for (int64_t fetched = 0; fetched < kRows; ++fetched) {
    const auto* soon = reinterpret_cast<const char*>(next[fetched]);
    const int64_t end = (fetched + 1) * pairs / kRows;
    for (; pair < end; ++pair, soon += kRows * sizeof(uint32_t)) {
      _mm_prefetch(soon, _MM_HINT_T0);
      tile.multiplyAdd([&](int64_t row) { return rowPairs[row][pair]; }, packed + pair * kPanel);
    }
  }
  tile.store(products);
}

}  // namespace

const Kernels* kernels() {
  static constexpr Kernels kKernels{
      .packColumns = packColumns, .packRows = packRows, .multiply = multiply};
  return useCpuKernels() ? &kKernels : nullptr;
}

}  // namespace moco::kernels::pointwise_convolution

#else

namespace moco::kernels::pointwise_convolution {

const Kernels* kernels() { return nullptr; }

}  // namespace moco::kernels::pointwise_convolution

#endif
