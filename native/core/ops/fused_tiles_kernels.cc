#include "core/ops/fused_tiles_kernels.h"

#include <algorithm>

#include "core/device/amx.h"
#include "core/device/cpu_kernels.h"
#include "core/ops/register_tile.h"

#ifdef __x86_64__

// On lambdas, which do not take over the target of the function around them.
#define MOCO_AMX_INLINE_LAMBDA MOCO_AMX __attribute__((always_inline))

/// Loads a tile, past the first-level cache where that is asked. Its number must be a literal.
#define MOCO_LOAD_TILE(tile, from, stride, isPassing) \
  if constexpr (isPassing) {                          \
    _tile_stream_loadd(tile, from, stride);           \
  } else {                                            \
    _tile_loadd(tile, from, stride);                  \
  }

namespace moco::kernels::fused_tiles {
namespace {

using avx512::kLanes;

static_assert(kTileRows == amx::kTileRows && kDepth * sizeof(Bf16) == amx::kTileBytes);

constexpr int64_t kTile = kTileRows * kDepth;  // numbers of bf16

/// One of a product's blocks of rows, times one of its panels.
struct Part {
  const RowBlock* block;
  int64_t panel;
};

/// Turns one row of a part's sums into results.
/// @param row  of the block, from 0 to 2 · kTileRows - 1
MOCO_AMX_INLINE void finishRow(const Product& of, const Part& part, const float* sums,
                               int64_t row) {
  const Rows& rows = part.block->rows[row / kTileRows];
  if (row % kTileRows >= rows.count) return;
  const float* const from = sums + row * kColumns;
  const int64_t column = part.panel * kColumns;
  const int64_t at = rows.to + row % kTileRows * of.stride + column;
  const float* const bias = of.bias + column;
  __m512 first = _mm512_add_ps(avx512::load(from), avx512::load(bias));
  __m512 second = _mm512_add_ps(avx512::load(from + kLanes), avx512::load(bias + kLanes));
  if (of.addend) {
    first = _mm512_add_ps(first, avx512::load(of.addend + at));
    second = _mm512_add_ps(second, avx512::load(of.addend + at + kLanes));
  }
  first = avx512::atLeast(of.least, first);
  second = avx512::atLeast(of.least, second);
  _mm512_storeu_si512(of.to + at, (__m512i)_mm512_cvtne2ps_pbh(second, first));
}

/// What is read once while the other stays in the first-level cache, which it passes by.
enum class Passing { kNone, kRows, kPanels };

/// Computes a part's sums, and finishes those of the part before while the tiles are busy.
/// @tparam kBoth   whether the block has second rows; without, only the first half is computed
template <bool kBoth, Passing kPassing>
MOCO_AMX_INLINE void multiplyPart(const Product& of, const Part& part, float* sums,
                                  const Part& before, const float* sumsBefore) {
  constexpr bool kRowsPass = kPassing == Passing::kRows, kPanelsPass = kPassing == Passing::kPanels;
  const RowBlock& block = *part.block;
  const int64_t aStride = of.aStride * static_cast<int64_t>(sizeof(Bf16));
  const int64_t steps = block.termCount * of.termLength / kDepth;
  const int64_t rowsAtStep = (2 * kTileRows + steps - 1) / steps;
  int64_t row = 0;  // of the part before
  _tile_zero(0);
  _tile_zero(1);
  if constexpr (kBoth) {
    _tile_zero(2);
    _tile_zero(3);
  }
  for (int64_t t = 0; t < block.termCount; ++t) {
    const Bf16* a = block.rows[0].a + block.terms[t].a;
    const Bf16* second = block.rows[1].a + block.terms[t].a;
    const Bf16* b = of.b + part.panel * of.panelSize + block.terms[t].b;
    const Bf16* const end = a + of.termLength;
    for (; a < end; a += kDepth, second += kDepth, b += 2 * kTile) {
      MOCO_LOAD_TILE(6, b, amx::kTileBytes, kPanelsPass);
      MOCO_LOAD_TILE(4, a, aStride, kRowsPass);
      MOCO_LOAD_TILE(7, b + kTile, amx::kTileBytes, kPanelsPass);
      _tile_dpbf16ps(0, 4, 6);
      _tile_dpbf16ps(1, 4, 7);
      if constexpr (kBoth) {
        MOCO_LOAD_TILE(5, second, aStride, kRowsPass);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
      }
      const int64_t until = std::min(row + rowsAtStep, 2 * kTileRows);
      for (; row < until; ++row) finishRow(of, before, sumsBefore, row);
    }
  }
  constexpr int64_t kStride = kColumns * sizeof(float);
  _tile_stored(0, sums, kStride);
  _tile_stored(1, sums + kLanes, kStride);
  if constexpr (kBoth) {
    _tile_stored(2, sums + kTileRows * kColumns, kStride);
    _tile_stored(3, sums + kTileRows * kColumns + kLanes, kStride);
  }
}

/// Computes part after part.
/// @param partAt  the part at each place in the order
template <Passing kPassing, typename PartAt>
MOCO_AMX_INLINE void multiplyParts(const Product of, int64_t count, const PartAt& partAt) {
  alignas(64) float sums[2][2 * kTileRows * kColumns];
  static constexpr RowBlock kNothing{};
  Part before{&kNothing, 0};
  for (int64_t i = 0; i < count; ++i) {
    const Part part = partAt(i);
    float* const to = sums[i % 2];
    const float* const sumsBefore = sums[(i + 1) % 2];
    amx::finishWriting(part.block->rows[0].a);
    if (part.block->rows[1].count == 0) {
      multiplyPart<false, kPassing>(of, part, to, before, sumsBefore);
    } else {
      multiplyPart<true, kPassing>(of, part, to, before, sumsBefore);
    }
    before = part;
  }
  for (int64_t row = 0; row < 2 * kTileRows; ++row) {
    finishRow(of, before, sums[(count - 1) % 2], row);
  }
}

/// The longest rows of which a block stays in the first-level cache, of 48 KB.
constexpr int64_t kLongestToStay = 1024;

MOCO_AMX void multiply(const Product& product, const RowBlock* blocks, int64_t count) {
  const int64_t parts = count * product.panels;
  const auto rowsInside = [&](int64_t i) MOCO_AMX_INLINE_LAMBDA {
    return Part{&blocks[i % count], i / count};
  };
  const auto panelsInside = [&](int64_t i) MOCO_AMX_INLINE_LAMBDA {
    return Part{&blocks[i / product.panels], i % product.panels};
  };
  if (blocks[0].termCount > 1) {
    // The taps of a kernel read the same rows.
    multiplyParts<Passing::kNone>(product, parts, rowsInside);
  } else if (product.termLength > kLongestToStay) {
    multiplyParts<Passing::kRows>(product, parts, rowsInside);
  } else {
    multiplyParts<Passing::kPanels>(product, parts, panelsInside);
  }
}

MOCO_AVX512 void packColumns(const Bf16* columns, int64_t length, Bf16* packed) {
  __m512i pairs[kLanes];
  for (int64_t i = 0; i < kLanes; ++i) pairs[i] = _mm512_loadu_si512(columns + i * length);
  avx512::transpose(pairs);
  for (int64_t i = 0; i < kLanes; ++i) {
    _mm512_storeu_si512(packed + i * kDepth, pairs[i]);
  }
}

MOCO_AVX512 void packRows(const Bf16* rows, int64_t length, Bf16* packed) {
  for (int64_t row = 0; row < kDepth; row += 2, packed += kDepth) {
    const Bf16* const first = rows + row * length;
    _mm512_storeu_si512(
        packed, avx512::pairsOf(_mm256_loadu_epi16(first), _mm256_loadu_epi16(first + length)));
  }
}

}  // namespace

const Kernels* kernels() {
  static constexpr Kernels kKernels{.setUp = amx::setUp,
                                    .release = amx::release,
                                    .multiply = multiply,
                                    .packColumns = packColumns,
                                    .packRows = packRows};
  return useAmxKernels() ? &kKernels : nullptr;
}

}  // namespace moco::kernels::fused_tiles

#else

namespace moco::kernels::fused_tiles {

const Kernels* kernels() { return nullptr; }

}  // namespace moco::kernels::fused_tiles

#endif
