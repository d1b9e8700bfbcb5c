#pragma once

#include <c10/util/BFloat16.h>

#include <array>
#include <cstdint>

/// Products of rows of bf16 with a packed matrix, added up in fp32, in the tiles of AMX: 32 rows
/// times 32 columns at a time, with what follows a convolution.
///
/// A row need not lie in one piece: it is made of terms, which are as far from the row's beginning
/// in every row. So the pixels under a convolution's kernel are multiplied where they lie.
namespace moco::kernels::fused_tiles {

using Bf16 = c10::BFloat16;

constexpr int64_t kTileRows = 16;
constexpr int64_t kColumns = 32;  // of a panel of the matrix
constexpr int64_t kDepth = 32;    // the length of terms is a multiple of this

/// Where a term is, in numbers: from where a row begins, and from where the panel does.
struct Term {
  int64_t a, b;
};

/// Up to 16 rows of the product, the same distance apart.
struct Rows {
  const Bf16* a;  // 16 rows can be read there
  int64_t to;     // where the first one's results go: numbers from the beginning of the results
  int64_t count;  // how many rows of results are written
};

/// What is multiplied at a time.
struct RowBlock {
  std::array<Rows, 2> rows;  // the second ones may be none
  const Term* terms;
  int64_t termCount;
};

/// to = max(least, a · b + bias + addend).
struct Product {
  int64_t aStride;     // numbers from row to row
  int64_t termLength;  // numbers
  const Bf16* b;       // (panels, terms' numbers / kDepth, 2, kDepth / 2, kColumns / 2, 2)
  int64_t panels;      // each of kColumns columns
  int64_t panelSize;   // numbers from panel to panel
  const float* bias;   // (panels · kColumns)
  const Bf16* addend;  // where `to` is, with the same distances; null: nothing is added
  float least;         // 0 for a ReLU, else −∞. NaN stays NaN
  Bf16* to;            // the first of the columns of results
  int64_t stride;      // numbers from row to row of `to` and `addend`
};

struct Kernels {
  /// Before and after a thread multiplies in tiles (tiles_in_use.h).
  void (*setUp)();
  void (*release)();

  /// Only while TilesInUse.
  void (*multiply)(const Product& product, const RowBlock* blocks, int64_t count);

  /// Packs 16 columns of kDepth numbers each, for half of a panel.
  /// @param length  numbers from column to column
  /// @param packed  (kDepth / 2, 16, 2)
  void (*packColumns)(const Bf16* columns, int64_t length, Bf16* packed);
  /// Packs 16 columns of kDepth rows, likewise.
  /// @param length  numbers from row to row
  void (*packRows)(const Bf16* rows, int64_t length, Bf16* packed);
};

/// @return  null where this processor cannot run them
const Kernels* kernels();

}  // namespace moco::kernels::fused_tiles
