#pragma once

#include <ATen/ATen.h>

#include "core/distributed/peers.h"

namespace moco {

/// What queries are to be unlike.
struct Negatives {
  at::Tensor vectors;         // (n, D), L2-normalised
  at::Tensor isLeftOut = {};  // (B, n) bool: of each query, those that are not; undefined: none
};

/// What a loss compares: the queries of one view of a batch with the keys of another one. Where
/// processes share a batch of N · B pictures, each compares the queries of its own B pictures; the
/// mean over the processes is the loss of the batch.
struct Comparison {
  at::Tensor queries;  // (B, D), L2-normalised
  at::Tensor keys;  // (N · B, D), L2-normalised: each query's own, and those of the other processes
  Negatives negatives;
  Peers peers = {};

  /// Each query's own key: (B, D).
  at::Tensor ownKeys() const { return peers.own(keys); }
  /// Where among all of the batch each query's picture is: (B) int64.
  at::Tensor places() const;

  /// Similarities of vectors (B, D) to the negatives: (B, n), minus infinity for those left out.
  at::Tensor toNegatives(const at::Tensor& vectors) const;
  /// Similarities of each query to its own key, and then to the negatives: (B, 1 + n).
  at::Tensor similarities() const;
};

/// What a loss is for a batch.
struct LossValue {
  at::Tensor loss;      // scalar, differentiable by the queries
  at::Tensor accuracy;  // scalar: share of queries whose own key scores highest
};

/// The accuracy by scores (B, n): the share of rows in which the right column scores highest.
/// @param columns  (B) int64, or one number for all rows
at::Tensor shareHighest(const at::Tensor& scores, const at::Tensor& columns);
at::Tensor shareHighest(const at::Tensor& scores, int64_t column);

}  // namespace moco
