#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace moco {

/// One NVIDIA GPU, as the driver describes it.
struct CudaDevice {
  std::string name;
  int major, minor;  // the compute capability
  size_t memory;     // bytes
};

/// The machine's NVIDIA GPUs, or why none can be used.
struct CudaStatus {
  std::vector<CudaDevice> devices;
  std::string unavailable;  // empty where CUDA works
  // Versions, set where CUDA works: the newest CUDA that the driver supports, and the CUDA and
  // cuDNN that LibTorch was built with.
  std::string driverCuda, cuda, cudnn;
};

/// What NVIDIA's driver and LibTorch say; asked at the first call. Needs no CUDA toolkit: the
/// driver's library is opened by name.
const CudaStatus& cudaStatus();

/// Why LibTorch finds no GPU although NVIDIA's driver does, as a text for the user.
/// @param driver    the newest CUDA that the driver supports, as CUDA numbers it: 12080 is 12.8
/// @param libtorch  the CUDA that LibTorch was built with, numbered alike
std::string whyLibtorchFindsNone(long driver, long libtorch);

}  // namespace moco
