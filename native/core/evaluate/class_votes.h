#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace moco {

/// The classes that get most votes from each query's neighbours.
struct BestVotes {
  at::Tensor classes;  // (Q, ≤ 5) int64, as `bestClasses` gives them
  at::Tensor votes;    // (Q, ≤ 5) fp32, of each of them
};

/// Counts votes for any number of classes. What it costs depends on the number of neighbours alone:
/// no table of all classes is made.
/// @param weights  (Q, k) fp32: of each neighbour's vote
/// @param labels   (Q, k) int64: the class it votes for, in [0, classes)
/// @return         on the CPU
BestVotes countVotes(const at::Tensor& weights, const at::Tensor& labels, int64_t classes);

}  // namespace moco
