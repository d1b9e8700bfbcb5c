#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

/// Products of rows of bf16 with a packed matrix, for processors with AVX512-BF16. That is what a
/// convolution with a 1×1 kernel is: its rows are pixels, its matrix is the weight. A packed matrix
/// holds pairs of bf16 (register_tile.h): rows 2·p and 2·p + 1 of the matrix lie side by side, as
/// neighbours in a row of pixels do anyway.
namespace moco::kernels::pointwise_convolution {

using Bf16 = c10::BFloat16;

constexpr int64_t kRows = 6;    // rows that are multiplied at a time
constexpr int64_t kPanel = 64;  // columns of a packed matrix
constexpr int64_t kPairs = 16;  // pairs of a matrix's rows that are packed at a time

/// Packed matrices are (pairs, kPanel) and begin at a multiple of 64 bytes.
struct Kernels {
  /// Packs a matrix that lies transposed in memory, kPanel rows of 2 · kPairs numbers:
  /// packed[pair][row] is row[2 · pair] beside row[2 · pair + 1].
  /// @param length  numbers from one row to the next
  void (*packColumns)(const Bf16* rows, int64_t length, uint32_t* packed);

  /// Packs a matrix that lies in memory as it is, 2 · kPairs rows of kPanel numbers:
  /// packed[pair][column] is row 2 · pair beside row 2 · pair + 1.
  /// @param length  numbers from one row to the next
  void (*packRows)(const Bf16* rows, int64_t length, uint32_t* packed);

  /// Multiplies each row with a packed matrix and rounds the products to bf16.
  /// @param rows      kRows pointers, each to 2 · pairs numbers
  /// @param next      the rows of the next call, which are fetched meanwhile
  /// @param products  kRows pointers, each to kPanel numbers
  void (*multiply)(const Bf16* const* rows, const Bf16* const* next, const uint32_t* packed,
                   int64_t pairs, Bf16* const* products);
};

/// @return  null where this processor cannot run them
const Kernels* kernels();

}  // namespace moco::kernels::pointwise_convolution
