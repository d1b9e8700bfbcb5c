#pragma once

#include <ATen/Parallel.h>

namespace moco {

/// Makes PyTorch compute with a number of threads, and restores the number at its destruction.
class ComputeThreads {
 public:
  explicit ComputeThreads(int count) : before_(at::get_num_threads()) {
    at::set_num_threads(count);
  }
  ComputeThreads(const ComputeThreads&) = delete;
  ComputeThreads& operator=(const ComputeThreads&) = delete;
  ~ComputeThreads() { at::set_num_threads(before_); }

 private:
  int before_;
};

}  // namespace moco
