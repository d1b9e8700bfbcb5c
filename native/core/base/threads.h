#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>

namespace moco {

/// Number of threads that make views ahead of the step: so few that, beside the threads that
/// PyTorch computes with, the step neither waits for views nor misses a core.
/// @param asked  0: chosen here
int64_t chooseDataThreads(int64_t asked, const at::Device& device);

/// Sets the number of threads that PyTorch computes with, for jobs of the calling thread.
/// @param asked  0: stays as PyTorch chose
/// @return       how many there are now
int64_t setComputeThreads(int64_t asked);

/// Calls `body(begin, end)` for consecutive parts of 0 … count − 1, on PyTorch's threads.
/// (`at::parallel_for` is a template that is serial where it is compiled without OpenMP, and OpenMP
/// of our own would bring threads of its own.) Inside another such call there is one part. What a
/// body throws reaches the caller when all have ended.
void parallelFor(int64_t count, const std::function<void(int64_t, int64_t)>& body);

}  // namespace moco
