#include "core/ops/convolution_weight_gradient_kernels.h"

#include <algorithm>

#include "core/device/avx512.h"
#include "core/device/cpu_kernels.h"
#include "core/ops/register_tile.h"

#ifdef __x86_64__

namespace moco::kernels::convolution_weight_gradient {
namespace {

using avx512::kLanes;

constexpr int64_t kLine = 64;  // bytes of a cache line
constexpr int64_t kRows = 4;   // rows of sums in registers
static_assert(linesFetchedBy(1) == kDyTile / kRows);

MOCO_AVX512 inline __mmask16 firstLanes(int64_t count) {
  return static_cast<__mmask16>((1u << std::clamp<int64_t>(count, 0, kLanes)) - 1);
}

template <int64_t kWidth>
MOCO_AVX512 void packTile(const Bf16* const* rows, int64_t pairs, int64_t first, int64_t count,
                          uint32_t* packed) {
  for (int64_t pair = 0; pair < pairs; ++pair) {
    const Bf16* const upper = rows[2 * pair] + first;
    const Bf16* const lower = rows[2 * pair + 1] + first;
    for (int64_t column = 0; column < kWidth; column += kLanes) {
      uint32_t* const to = packed + pair * kWidth + column;
      if (column + kLanes <= count) {
        _mm512_store_si512(to, avx512::pairsOf(_mm256_loadu_epi16(upper + column),
                                               _mm256_loadu_epi16(lower + column)));
      } else {
        const __mmask16 present = firstLanes(count - column);
        _mm512_store_si512(to, avx512::pairsOf(_mm256_maskz_loadu_epi16(present, upper + column),
                                               _mm256_maskz_loadu_epi16(present, lower + column)));
      }
    }
  }
}

/// Computes `kRows` rows of a tile's sums, and fetches one line for each pair.
MOCO_AVX512 inline void multiplyRows(const uint32_t* dy, const uint32_t* x, int64_t pairs, bool add,
                                     float* sums, const char* soon, int64_t lastLine) {
  RegisterTile<kRows, kXTile> tile;
  if (add) tile.load(sums, kXTile);
  for (int64_t pair = 0; pair < pairs; ++pair) {
    _mm_prefetch(soon + kLine * std::min(pair, lastLine), _MM_HINT_T1);
    tile.multiplyAdd([&](int64_t row) { return dy[pair * kDyTile + row]; }, x + pair * kXTile);
  }
  tile.store(sums, kXTile);
}

MOCO_AVX512 void multiply(const uint32_t* dy, const uint32_t* x, int64_t pairs, bool add,
                          float* sums, const Lines& soon) {
  for (int64_t row = 0; row < kDyTile; row += kRows) {
    const int64_t fetched = std::min(row / kRows * pairs, soon.count);
    multiplyRows(dy + row, x, pairs, add, sums + row * kXTile, soon.first + fetched * kLine,
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
  static constexpr Kernels kKernels{.packDyTile = packTile<kDyTile>,
                                    .packXTile = packTile<kXTile>,
                                    .multiply = multiply,
                                    .addAndRound = addAndRound};
  return useCpuKernels() ? &kKernels : nullptr;
}

}  // namespace moco::kernels::convolution_weight_gradient

#else

namespace moco::kernels::convolution_weight_gradient {

const Kernels* kernels() { return nullptr; }

}  // namespace moco::kernels::convolution_weight_gradient

#endif
