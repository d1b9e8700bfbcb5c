#pragma once

#include <string>

namespace moco {

/// Why this project's own CUDA kernels are not used on the current device: they were not compiled,
/// or not for this GPU, or the environment says `MOCO_CUDA_KERNELS=0`. Empty if they are used.
/// Found out at the first call, which makes the device's CUDA context.
const std::string& cudaKernelsUnavailable();

/// Whether this project's own CUDA kernels are used on the current device.
inline bool useCudaKernels() { return cudaKernelsUnavailable().empty(); }

}  // namespace moco
