#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace moco {

struct CudaDevice {
  std::string name;
  int major, minor;  // the compute capability
  size_t memory;     // bytes
};

/// The machine's NVIDIA GPUs, and where there is none to use, why.
struct CudaStatus {
  std::vector<CudaDevice> devices;
  std::string unavailable;  // empty where CUDA works
  // Where it does: the newest CUDA that the driver supports, and what LibTorch was built with.
  std::string driverCuda, cuda, cudnn;
};

/// Asks NVIDIA's driver and LibTorch, once. Needs no CUDA toolkit: the driver's library is opened
/// by name.
const CudaStatus& cudaStatus();

/// Why LibTorch finds no GPU though NVIDIA's driver does; versions as CUDA's: 12080 is 12.8.
/// @param driver    the newest CUDA that the driver supports
/// @param libtorch  what LibTorch was built with
std::string whyLibtorchFindsNone(long driver, long libtorch);

}  // namespace moco
