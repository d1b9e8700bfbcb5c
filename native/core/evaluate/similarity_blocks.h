#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>

namespace moco {

/// How many rows `eachSimilarityBlock` compares at once.
constexpr int64_t kSimilarityRowsAtOnce = 512;

/// Compares all vectors with all others, a few hundred at a time, so that memory does not grow with
/// the square of their number.
/// @param rows     (N, length), L2-normalised
/// @param columns  (M, length), L2-normalised
/// @param use      is called for the rows `begin` … `end` − 1 with their cosines to all columns
///                 (end − begin, M), contiguous, which it may change
void eachSimilarityBlock(
    const at::Tensor& rows, const at::Tensor& columns,
    const std::function<void(int64_t begin, int64_t end, const at::Tensor& similarities)>& use);

/// The similarities of rows to themselves in a block of rows that are compared with all of them.
/// @param similarities  (end − begin, N), as `eachSimilarityBlock` gives them
/// @return              (end − begin), which shares their memory
at::Tensor ownSimilarities(const at::Tensor& similarities, int64_t begin);

}  // namespace moco
