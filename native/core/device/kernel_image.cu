#include <cuda_runtime_api.h>

#include "core/device/kernel_image.h"

namespace moco {
namespace {

/// Does nothing. It is compiled for the same architectures as all other kernels: if the device can
/// run this one, it can run them.
__global__ void probe() {}

}  // namespace

bool hasKernelImage() {
  cudaFuncAttributes attributes;
  const bool found = cudaFuncGetAttributes(&attributes, probe) == cudaSuccess;
  cudaGetLastError();  // clears the error, which a later check would otherwise find
  return found;
}

}  // namespace moco
