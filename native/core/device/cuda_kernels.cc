#include "core/device/cuda_kernels.h"

#include <cstdlib>

#ifdef MOCO_CUDA_KERNELS
#include "core/device/kernel_image.h"
#endif

namespace moco {
namespace {

std::string whyUnavailable() {
#ifdef MOCO_CUDA_KERNELS
  const char* choice = std::getenv("MOCO_CUDA_KERNELS");
  if (choice != nullptr && std::string(choice) == "0") return "MOCO_CUDA_KERNELS is 0";
  return hasKernelImage() ? "" : "they were compiled for other GPUs";
#else
  return "they were not compiled";
#endif
}

}  // namespace

const std::string& cudaKernelsUnavailable() {
  static const std::string reason = whyUnavailable();
  return reason;
}

}  // namespace moco
