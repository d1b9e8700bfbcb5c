#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

/// Products of rows of bf16 with packed matrices, with AVX512-BF16, whose instruction multiplies 16
/// pairs of numbers by a pair and adds both products to an fp32 sum: a pair are two neighbours in a
/// row, and two rows of one column in the matrix, which packing puts side by side.
namespace moco::kernels::pointwise {

using Bf16 = c10::BFloat16;

constexpr int64_t kRows = 6;    // that are multiplied at a time
constexpr int64_t kPanel = 64;  // columns of a packed matrix
constexpr int64_t kPairs = 16;  // that are packed at a time

/// Packed matrices are (pairs, kPanel), 64-byte aligned.
struct Kernels {
  /// Packs kPairs pairs of columns of kPanel rows: packed[pair][row] is row[2 · pair] beside
  /// row[2 · pair + 1].
  /// @param length  from a row to the next
  void (*packColumns)(const Bf16* rows, int64_t length, uint32_t* packed);

  /// Packs kPairs pairs of rows of kPanel columns: packed[pair][column] is the pair's first row
  /// beside its second.
  void (*packRows)(const Bf16* rows, int64_t length, uint32_t* packed);

  /// Rounds each row's product with a packed matrix to bf16.
  /// @param rows      kRows pointers to 2 · pairs numbers
  /// @param next      those of the next call, which are fetched meanwhile
  /// @param products  kRows pointers to kPanel numbers
  void (*multiply)(const Bf16* const* rows, const Bf16* const* next, const uint32_t* packed,
                   int64_t pairs, Bf16* const* products);
};

/// Null where this processor cannot run them.
const Kernels* kernels();

}  // namespace moco::kernels::pointwise
