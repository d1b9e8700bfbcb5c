#include "core/device/cpu_kernels.h"

#include <ATen/Version.h>

#include <cstdlib>

#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

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

/// Asks the system for the tiles of AMX, which a process may use only after that.
bool isGivenTiles() {
#if defined(__linux__) && defined(__x86_64__)
  constexpr int64_t kAskForState = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr int64_t kTileData = 18;         // the number of the tiles' state
  return syscall(SYS_arch_prctl, kAskForState, kTileData) == 0;
#else
  return false;
#endif
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

bool useAmxKernels() {
  static const bool are = useCpuKernels() && cpuHasAmx() && isGivenTiles();
  return are;
}

}  // namespace moco
