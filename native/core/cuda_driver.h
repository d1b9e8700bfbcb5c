#pragma once

#include <string>
#include <vector>

namespace moco {

struct CudaDevice {
  std::string name;
  int major;  // of the compute capability
};

/// The machine's NVIDIA GPUs, and where there is none to use, why.
struct CudaStatus {
  std::vector<CudaDevice> devices;
  std::string unavailable;  // empty where CUDA works
};

/// Asks NVIDIA's driver and LibTorch, once. Needs no CUDA toolkit: the driver's library is opened
/// by name.
const CudaStatus& cudaStatus();

}  // namespace moco
