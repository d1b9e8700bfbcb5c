#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "core/evaluate/class_votes.h"
#include "core/evaluate/nearest_neighbours.h"

namespace moco {

/// Weighted k-nearest-neighbour classification (Wu et al., CVPR 2018, section 3.4) against a bank
/// that comes in pieces: only the best k similarities of each query are kept, so memory does not
/// grow with the bank.
class KnnVote {
 public:
  /// @param queries     (Q, D), L2-normalised, fp32, finite
  /// @param neighbours  k: how many neighbours vote, at most the size of the bank
  /// @param piece       how many features of the bank are gathered before the queries are compared
  ///                    with them; 0 compares them as they come
  KnnVote(at::Tensor queries, int64_t neighbours, int64_t piece);
  /// Gathers pieces of the `pieceLength` for the queries' device.
  KnnVote(const at::Tensor& queries, int64_t neighbours);

  /// The best number of features to gather. On the CPU it is 0, because features are in its cache
  /// when they come. A GPU is faster with many at once: as many as there is room for the
  /// similarities of.
  static int64_t pieceLength(const at::Device& device, int64_t queries);

  /// Adds pictures to the bank.
  /// @param features  (b, D), L2-normalised, fp32, finite
  /// @param labels    (b) int64
  void addBank(const at::Tensor& features, const at::Tensor& labels);

  /// Each neighbour votes for its label with weight exp(similarity / temperature).
  /// @return (Q, classes), the summed weights
  at::Tensor scores(double temperature, int64_t classes);

  /// The best five classes by the same votes, without a table of all classes.
  BestVotes bestVotes(double temperature, int64_t classes);

 private:
  /// The weight of each neighbour's vote: (Q, k).
  at::Tensor weights(double temperature);
  void compare(const at::Tensor& features, const at::Tensor& labels);
  void compareGathered();

  at::Tensor queries_;
  NearestNeighbours nearest_;
  int64_t piece_;
  at::Tensor gatheredFeatures_;  // (piece, D)
  at::Tensor gatheredLabels_;    // (piece)
  int64_t gathered_ = 0;         // how many rows of the two are filled
};

}  // namespace moco
