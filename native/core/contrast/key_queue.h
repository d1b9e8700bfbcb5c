#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "core/files/state_dict.h"

namespace moco {

/// The dictionary of negatives (He et al., CVPR 2020, section 3.2): a ring buffer in which new keys
/// take the places of the oldest. Its length need not be a multiple of the batch's. Of a batch that
/// is larger than the queue, the newest keys stay. It may also keep the numbers of the pictures
/// that the keys are of.
class KeyQueue {
 public:
  /// Starts with L2-normalised Gaussian vectors, as the reference does.
  /// @param length        m
  /// @param dim           D
  /// @param options       type and device
  /// @param keepsNumbers  of pictures, beside the keys
  KeyQueue(int64_t length, int64_t dim, uint64_t seed, at::TensorOptions options,
           bool keepsNumbers = false);

  /// Puts keys in the places of the oldest ones.
  /// @param keys      (B, D), L2-normalised, oldest first
  /// @param pictures  (B) int64: the numbers of their pictures, for a queue that keeps them
  void enqueue(const at::Tensor& keys, const at::Tensor& pictures = {});

  /// All keys (m, D), in the order of the ring buffer.
  const at::Tensor& keys() const { return keys_; }
  /// The numbers of their pictures: (m) int64, −1 for a vector of the random start. Undefined for a
  /// queue that does not keep them.
  const at::Tensor& pictures() const { return pictures_; }
  /// All keys (m, D), oldest first.
  at::Tensor inOrder() const;
  /// Share of the queue that holds keys of pictures rather than the random start, 0 … 1.
  double fill() const;

  /// Everything that `restore` needs.
  StateDict state() const;
  /// Takes over a saved state.
  /// @throws Error ERR_MOCO_CHECKPOINT  if a tensor is missing, or from a queue of another size
  void restore(const StateDict& state);

 private:
  /// Writes the newest rows over the oldest ones.
  void write(const at::Tensor& newest, const at::Tensor& ring) const;

  at::Tensor keys_;
  at::Tensor pictures_;
  int64_t next_ = 0;    // the place of the oldest key, which the next one takes
  int64_t filled_ = 0;  // how many places hold real keys
};

}  // namespace moco
