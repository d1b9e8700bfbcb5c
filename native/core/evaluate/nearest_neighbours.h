#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace moco {

/// The pictures that are most similar to each query, most similar first; of equally similar ones
/// the one that was offered earlier is first.
struct NearestNeighbours {
  at::Tensor similarities;  // (Q, k) fp32; −∞ where there is no neighbour yet
  at::Tensor labels;        // (Q, k) int64; −1 there

  /// None yet.
  static NearestNeighbours none(int64_t queries, int64_t neighbours, const at::Device& device);

  /// Of the queries from `begin` to before `end`; shares memory.
  NearestNeighbours slice(int64_t begin, int64_t end) const;
};

/// Takes over what is nearer than the neighbours so far.
/// @param similarities  (Q, b) fp32, finite, contiguous: of each query to the pictures offered
/// @param labels        (b) int64, of those
void keepNearest(const NearestNeighbours& nearest, const at::Tensor& similarities,
                 const at::Tensor& labels);

/// The same as a GPU does it: one topk for each query, and a sort of no more than was selected.
/// PyTorch leaves open which of equal values topk takes, from call to call; it gets no equal ones
/// here. So the neighbours are the same in every run, with and without `--deterministic`.
void keepNearestByTopk(const NearestNeighbours& nearest, const at::Tensor& similarities,
                       const at::Tensor& labels);

/// What `keepNearestByTopk` takes at most for each similarity that is offered, in bytes, the
/// similarity included, and for each that is kept.
constexpr int64_t kSelectedBytes = 20;
constexpr int64_t kSortedBytes = 96;

/// The same with PyTorch's operators, on any device: what the others are tested against.
/// @param labels  (b), or (Q, b) where each query was offered pictures of its own
void plainKeepNearest(const NearestNeighbours& nearest, const at::Tensor& similarities,
                      const at::Tensor& labels);

}  // namespace moco
