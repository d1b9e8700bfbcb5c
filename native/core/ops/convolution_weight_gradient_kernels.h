#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

/// Products Aᵀ·B of tall bf16 matrices, tile by tile, with AVX512-BF16. Its instruction multiplies
/// 16 pairs of numbers by 16 others and adds both products of a pair to an fp32 sum; a pair are two
/// rows of one column, which packing puts side by side.
namespace moco::kernels::tiles {

using Bf16 = c10::BFloat16;

constexpr int64_t kTileA = 16;  // columns of A in a tile
constexpr int64_t kTileB = 64;  // columns of B in a tile

/// Cache lines, of 64 bytes.
struct Lines {
  const char* first;
  int64_t count;
};
/// How many lines a multiplication can fetch beside its work.
constexpr int64_t linesFetchedBy(int64_t pairs) { return 4 * pairs; }

struct Kernels {
  /// Packs columns of a tile: packed[pair][column] is rows[2 · pair][first + column] beside
  /// rows[2 · pair + 1][first + column].
  /// @param rows    pointers to 2 · pairs rows
  /// @param count   columns that there are from `first` on; where a tile has more, they are zeros
  /// @param packed  (pairs, kTileA) or (pairs, kTileB), 64-byte aligned
  void (*packTileA)(const Bf16* const* rows, int64_t pairs, int64_t first, int64_t count,
                    uint32_t* packed);
  void (*packTileB)(const Bf16* const* rows, int64_t pairs, int64_t first, int64_t count,
                    uint32_t* packed);

  /// sums = Aᵀ·B, or sums += Aᵀ·B; meanwhile fetches `soon` into the second-level cache.
  /// @param a     (pairs, kTileA), packed
  /// @param b     (pairs, kTileB), packed
  /// @param sums  (kTileA, kTileB), 64-byte aligned
  /// @param soon  at most linesFetchedBy(pairs)
  void (*multiply)(const uint32_t* a, const uint32_t* b, int64_t pairs, bool add, float* sums,
                   const Lines& soon);

  /// Adds up arrays, in order, and rounds the sums to bf16.
  /// @param first  the first array; each of the others begins `stride` numbers after the one before
  void (*addAndRound)(const float* first, int64_t arrays, int64_t stride, int64_t count,
                      Bf16* result);
};

/// Null where this processor cannot run them.
const Kernels* kernels();

}  // namespace moco::kernels::tiles
