#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#ifndef MOCO_CUDA_KERNELS
#include <cuda_runtime.h>
#endif

namespace moco {

// Tests run the CUDA kernels on a GPU if the build has compiled them for one, and otherwise on the
// CPU (cuda_on_cpu/).

#ifdef MOCO_CUDA_KERNELS
inline bool canRunKernels() { return at::hasCUDA(); }
inline at::Device kernelDevice() { return {at::kCUDA, 0}; }
inline void orderThreads(uint32_t) {}
#else
inline bool canRunKernels() { return true; }
inline at::Device kernelDevice() { return at::kCPU; }
/// Chooses the random order in which blocks and threads run. On a GPU this does nothing.
inline void orderThreads(uint32_t seed) { cuda_on_cpu::seed = seed; }
#endif

}  // namespace moco
