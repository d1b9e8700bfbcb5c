#include "addon/gpu_options.h"

#include "addon/properties.h"

namespace moco::addon {

GpuOptions gpuOptions(const Napi::Object& options) {
  if (isAbsent(options, "gpu")) return {};
  const Napi::Object gpu = child(options, "gpu");
  return {
      .arithmetic = {.tf32 = boolean(gpu, "tf32"), .deterministic = boolean(gpu, "deterministic")},
      .cudaGraph = boolean(gpu, "cudaGraph")};
}

}  // namespace moco::addon
