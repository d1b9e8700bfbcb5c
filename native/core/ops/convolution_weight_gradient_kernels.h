#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

/// The product dYᵀ·X, for processors with AVX512-BF16. dY and X are tall matrices of bf16 with a
/// row for each output pixel, over which the product adds up. Both are packed in tiles of a few
/// columns, as pairs of bf16 (register_tile.h): two rows of one column lie side by side.
namespace moco::kernels::convolution_weight_gradient {

using Bf16 = c10::BFloat16;

constexpr int64_t kDyTile = 16;  // columns of a tile of dY
constexpr int64_t kXTile = 64;   // columns of a tile of X

/// Cache lines of 64 bytes, one after the other.
struct Lines {
  const char* first;
  int64_t count;
};
/// How many lines one multiplication can fetch beside its work.
constexpr int64_t linesFetchedBy(int64_t pairs) { return 4 * pairs; }

struct Kernels {
  /// Packs rows of a tile: packed[pair][column] is rows[2 · pair][first + column] beside
  /// rows[2 · pair + 1][first + column].
  /// @param rows    2 · pairs pointers to rows of the matrix
  /// @param count   columns that the matrix has from `first` on; where the tile has more, they are
  ///                zeros
  /// @param packed  (pairs, kDyTile) or (pairs, kXTile), begins at a multiple of 64 bytes
  void (*packDyTile)(const Bf16* const* rows, int64_t pairs, int64_t first, int64_t count,
                     uint32_t* packed);
  void (*packXTile)(const Bf16* const* rows, int64_t pairs, int64_t first, int64_t count,
                    uint32_t* packed);

  /// Computes sums = dYᵀ·X, or sums += dYᵀ·X with `add`, and meanwhile fetches `soon` into the
  /// second-level cache.
  /// @param dy    (pairs, kDyTile), packed
  /// @param x     (pairs, kXTile), packed
  /// @param sums  (kDyTile, kXTile)
  /// @param soon  at most linesFetchedBy(pairs)
  void (*multiply)(const uint32_t* dy, const uint32_t* x, int64_t pairs, bool add, float* sums,
                   const Lines& soon);

  /// Adds up arrays of `count` numbers, in order, and rounds the sums to bf16.
  /// @param first   the first array
  /// @param stride  numbers from the beginning of one array to that of the next
  void (*addAndRound)(const float* first, int64_t arrays, int64_t stride, int64_t count,
                      Bf16* result);
};

/// @return  null where this processor cannot run them
const Kernels* kernels();

}  // namespace moco::kernels::convolution_weight_gradient
