#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#ifndef MOCO_CUDA_KERNELS
#include <cuda_runtime.h>
#endif

namespace moco {

// Where tests run the CUDA kernels: on the GPU where they are compiled for one, else on
// the CPU (cuda_on_cpu/).

#ifdef MOCO_CUDA_KERNELS
inline bool canRunKernels() { return at::hasCUDA(); }
inline at::Device kernelDevice() { return {at::kCUDA, 0}; }
inline void orderThreads(uint32_t) {}
#else
inline bool canRunKernels() { return true; }
inline at::Device kernelDevice() { return at::kCPU; }
/// Blocks and threads run in another order for each seed; on a GPU they do so anyway.
inline void orderThreads(uint32_t seed) { cuda_on_cpu::seed = seed; }
#endif

}  // namespace moco
