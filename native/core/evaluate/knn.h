#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "core/evaluate/nearest_neighbours.h"

namespace moco {

/// Weighted k-nearest-neighbour classification (Wu et al., CVPR 2018, section 3.4) against a bank
/// that comes in pieces: only the best k similarities of each query are kept, so memory does not
/// grow with the bank.
class KnnVote {
 public:
  /// @param queries     (Q, D), L2-normalised, fp32, finite
  /// @param neighbours  k: how many neighbours vote, at most the size of the bank
  /// @param piece       as of `pieceLength`
  KnnVote(at::Tensor queries, int64_t neighbours, int64_t piece);
  /// With the device's piece.
  KnnVote(const at::Tensor& queries, int64_t neighbours);

  /// So many features of the bank are gathered before the queries are compared with them; 0: they
  /// are compared as they come, while the CPU's cache has them. A GPU is faster with many at once,
  /// as many as its memory has room for the similarities of.
  static int64_t pieceLength(const at::Device& device, int64_t queries);

  /// @param features  (b, D), L2-normalised, fp32, finite
  /// @param labels    (b) int64
  void addBank(const at::Tensor& features, const at::Tensor& labels);

  /// Each neighbour votes for its label with weight exp(similarity / temperature).
  /// @return (Q, classes), the summed weights
  at::Tensor scores(double temperature, int64_t classes);

 private:
  void compare(const at::Tensor& features, const at::Tensor& labels);
  void compareGathered();

  at::Tensor queries_;
  NearestNeighbours nearest_;
  int64_t piece_;
  at::Tensor gatheredFeatures_;  // (piece, D)
  at::Tensor gatheredLabels_;    // (piece)
  int64_t gathered_ = 0;         // how many of them are there
};

}  // namespace moco
