#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace moco {

/// The pictures that are most similar to each query, most similar first. Of equally similar ones,
/// the one that was offered earlier comes first.
struct NearestNeighbours {
  at::Tensor similarities;  // (Q, k) fp32; −∞ where there is no neighbour yet
  at::Tensor labels;        // (Q, k) int64; −1 where there is no neighbour yet

  /// Rows without any neighbour yet.
  static NearestNeighbours none(int64_t queries, int64_t neighbours, const at::Device& device);

  /// The rows of the queries `begin` … `end` − 1; shares their memory.
  NearestNeighbours slice(int64_t begin, int64_t end) const;
};

/// Offers pictures to all queries. Those that are nearer than a query's neighbours so far take
/// their places.
/// @param nearest       its tensors are changed
/// @param similarities  (Q, b) fp32, finite, contiguous: of each query to the pictures offered
/// @param labels        (b) int64, of the pictures offered
void keepNearest(const NearestNeighbours& nearest, const at::Tensor& similarities,
                 const at::Tensor& labels);

/// The same in the way that suits a GPU: a topk for each query, then a sort of only what topk has
/// selected. Which of several equal values topk selects may differ from call to call, so it is
/// given integers of which no two are equal. The neighbours are therefore the same in every run,
/// with and without `--deterministic`.
void keepNearestByTopk(const NearestNeighbours& nearest, const at::Tensor& similarities,
                       const at::Tensor& labels);

/// The most memory that `keepNearestByTopk` takes, in bytes: the first for each similarity that is
/// offered, which it includes, and the second for each that is kept.
constexpr int64_t kSelectedBytes = 20;
constexpr int64_t kSortedBytes = 96;

/// The same by a plain sort, on any device. The other two are tested against it.
/// @param labels  (b), or (Q, b) if every query is offered pictures of its own
void plainKeepNearest(const NearestNeighbours& nearest, const at::Tensor& similarities,
                      const at::Tensor& labels);

}  // namespace moco
