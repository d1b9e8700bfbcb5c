#pragma once

#include <string>

namespace moco {

/// Why kernels of our own are not used on the current device; empty where they are.
/// They are not where they were not compiled, or not for this GPU, or where the environment says
/// `MOCO_CUDA_KERNELS=0`. Asked once; makes the device's CUDA context.
const std::string& cudaKernelsUnavailable();

/// Whether kernels of our own are used.
inline bool useCudaKernels() { return cudaKernelsUnavailable().empty(); }

}  // namespace moco
