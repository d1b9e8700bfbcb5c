#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "core/files/state_dict.h"

namespace moco {

/// The dictionary of negatives (He et al., CVPR 2020, section 3.2): a ring buffer that new keys
/// enter as the oldest leave. Batch and length need not divide each other; of a batch larger than
/// the queue the newest keys stay.
class KeyQueue {
 public:
  /// Filled with normalised Gaussian vectors, as the reference starts.
  KeyQueue(int64_t length, int64_t dim, uint64_t seed, at::TensorOptions options);

  /// @param keys  (B, D), L2-normalised, oldest first
  void enqueue(const at::Tensor& keys);

  /// (m, D) in ring order.
  const at::Tensor& keys() const { return keys_; }
  /// (m, D), oldest first.
  at::Tensor inOrder() const;
  /// Share of the queue that holds keys of pictures rather than the random start, 0 … 1.
  double fill() const;

  /// Everything that `restore` needs.
  StateDict state() const;
  /// @throws Error ERR_MOCO_CHECKPOINT  where a tensor is missing, or of another queue
  void restore(const StateDict& state);

 private:
  at::Tensor keys_;
  int64_t next_ = 0;    // where the next key goes: the oldest one's place
  int64_t filled_ = 0;  // how many places hold real keys
};

}  // namespace moco
