#include "core/ops/pointwise_convolution_kernels.h"

#include "core/device/avx512.h"
#include "core/device/cpu_kernels.h"
#include "core/ops/register_tile.h"

#ifdef __x86_64__

namespace moco::kernels::pointwise_convolution {
namespace {

using avx512::kLanes;

MOCO_AVX512 void packColumns(const Bf16* rows, int64_t length, uint32_t* packed) {
  static_assert(kPairs == kLanes);
  for (int64_t first = 0; first < kPanel; first += kLanes) {
    __m512i pairs[kLanes];
    for (int64_t row = 0; row < kLanes; ++row) {
      pairs[row] = _mm512_loadu_si512(rows + (first + row) * length);
    }
    avx512::transpose(pairs);
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
