#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>

#include "core/distributed/group.h"

namespace moco {

/// The processes that compute a batch together, N of them, and what they make of each other's
/// parts. Each has the same share of the batch, in order of rank. A process on its own is the case
/// N = 1, in which nothing is copied. Errors are those of `Group`.
class Peers {
 public:
  /// A process on its own.
  Peers() = default;
  explicit Peers(std::shared_ptr<Group> group) : group_(std::move(group)) {}

  bool alone() const { return !group_ || group_->size() == 1; }
  int64_t rank() const { return group_ ? group_->rank() : 0; }
  int64_t count() const { return group_ ? group_->size() : 1; }

  /// This process's part of what is there for the whole batch: (N · b, …) → (b, …).
  at::Tensor own(const at::Tensor& whole) const;
  /// The parts of all processes: (b, …) → (N · b, …). The gradient by a process's part is the sum
  /// of what all processes have by it.
  at::Tensor gather(const at::Tensor& part) const;
  /// What is shared out so that each process has equally many, and the last ones fewer or none.
  struct Range {
    int64_t begin, end;
  };
  /// This process's share of so many.
  Range shareOf(int64_t count) const;
  /// The rows of all shares, in order: (own, …) → (count, …). Without gradient.
  at::Tensor gatherShares(const at::Tensor& share, int64_t count) const;

  /// Replaces a tensor by the mean over all processes.
  /// @param tensor  of the same shape in each, without gradient
  void average(const at::Tensor& tensor) const;
  /// Whether any of them says so.
  bool any(bool own) const;

  Group& group() const { return *group_; }

 private:
  std::shared_ptr<Group> group_;
};

}  // namespace moco
