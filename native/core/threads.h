#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace moco {

/// Number of threads that make views ahead of the step: so few that, beside the threads that
/// PyTorch computes with, the step neither waits for views nor misses a core.
/// @param asked  0: chosen here
int64_t chooseDataThreads(int64_t asked, const at::Device& device);

/// Sets the number of threads that PyTorch computes with, for jobs of the calling thread.
/// @param asked  0: stays as PyTorch chose
/// @return       how many there are now
int64_t setComputeThreads(int64_t asked);

}  // namespace moco
