#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "core/nearest_neighbours.h"

namespace moco {

/// Weighted k-nearest-neighbour classification (Wu et al., CVPR 2018, section 3.4) against a bank
/// that comes in pieces: only the best k similarities of each query are kept, so memory does not
/// grow with the bank.
class KnnVote {
 public:
  /// @param queries     (Q, D), L2-normalised, fp32, finite
  /// @param neighbours  k: how many neighbours vote, at most the size of the bank
  KnnVote(at::Tensor queries, int64_t neighbours);

  /// @param features  (b, D), L2-normalised, fp32, finite
  /// @param labels    (b) int64
  void addBank(const at::Tensor& features, const at::Tensor& labels);

  /// Each neighbour votes for its label with weight exp(similarity / temperature).
  /// @return (Q, classes), the summed weights
  at::Tensor scores(double temperature, int64_t classes) const;

 private:
  at::Tensor queries_;
  NearestNeighbours nearest_;
};

}  // namespace moco
