#include "core/device/cpu_kernels.h"

#include <ATen/Version.h>

#include <cstdlib>

#include "core/device/device.h"

namespace moco {
namespace {

CpuFeatures featuresHere() {
  CpuFeatures features;
  const char* choice = std::getenv("ATEN_CPU_CAPABILITY");
  features.libtorch = at::get_cpu_capability();
  features.choice = choice == nullptr ? "" : choice;
#ifdef __x86_64__
  features.isX86 = true;
  features.avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
  features.avx512Bf16 = __builtin_cpu_supports("avx512bf16");
#endif
  return features;
}

}  // namespace

std::string whyNoCpuKernels(const CpuFeatures& features) {
  if (!features.isX86) return "they are for x86 processors";
  if (!features.avx512) return "the processor has no AVX-512";
  if (!features.avx512Bf16) return "the processor has AVX-512, but not its bf16";
  if (features.libtorch == "AVX512") return "";
  if (!features.choice.empty()) return "ATEN_CPU_CAPABILITY is " + features.choice;
  return "LibTorch does not use AVX-512 here";
}

const std::string& cpuKernelsUnavailable() {
  static const std::string reason = whyNoCpuKernels(featuresHere());
  return reason;
}

bool useAmxKernels() { return useCpuKernels() && cpuHasAmx(); }

}  // namespace moco
