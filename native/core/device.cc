#include "core/device.h"

#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <fstream>

#ifdef __x86_64__
#include <cpuid.h>
#endif
#if defined(__linux__) && defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif
#ifdef __APPLE__
#include <sys/sysctl.h>
#endif

#include "core/caching_allocator.h"
#include "core/cuda_driver.h"
#include "core/error.h"

namespace moco {
namespace {

std::string cpuName() {
#ifdef __APPLE__
  char name[256] = {};
  size_t size = sizeof(name);
  sysctlbyname("machdep.cpu.brand_string", name, &size, nullptr, 0);
  return name;
#else
  const std::string key = "model name";
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    const auto value = line.find(": ");
    if (line.compare(0, key.size(), key) == 0 && value != std::string::npos) {
      return line.substr(value + 2);
    }
  }
  return "CPU";
#endif
}

bool hasBf16(const at::Device& device) {
  constexpr int kAmpere = 8;
  if (device.is_cuda()) return cudaStatus().devices.at(device.index()).major >= kAmpere;
  return cpuHasBf16();
}

/// A GPU that is listed may still be of an architecture that LibTorch was not built for, or taken.
void requireKernels(const std::string& name, const at::Device& device) {
  try {
    at::ones({1}, device).add_(1).to(at::kCPU);
  } catch (const c10::Error& error) {
    throw Error("ERR_MOCO_DEVICE",
                "device \"" + name + "\" cannot be used: " + error.what_without_backtrace(),
                "Choose --device cpu, or a LibTorch that was built for this GPU.");
  }
}

at::Device requireCuda(const std::string& name, const CudaStatus& status) {
  const int64_t index = name == "cuda" ? 0 : std::stoll(name.substr(std::string("cuda:").size()));
  if (!status.unavailable.empty()) {
    throw Error("ERR_MOCO_DEVICE", "device \"" + name + "\" cannot be used: " + status.unavailable,
                "Choose --device cpu, or install what is missing and run the set-up again.");
  }
  const auto count = static_cast<int64_t>(status.devices.size());
  if (index >= count) {
    throw Error("ERR_MOCO_DEVICE",
                "device \"" + name + "\" is not there: this machine has " + std::to_string(count) +
                    (count == 1 ? " GPU (cuda:0)" : " GPUs (from cuda:0)"),
                "Choose one of those.");
  }
  const at::Device device(at::kCUDA, static_cast<at::DeviceIndex>(index));
  requireKernels(name, device);
  return device;
}

}  // namespace

bool cpuHasBf16() {
  if (!at::globalContext().hasMKLDNN()) return false;
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16");
#elif defined(__linux__) && defined(__aarch64__)
  return (getauxval(AT_HWCAP2) & HWCAP2_BF16) != 0;
#else
  return false;
#endif
}

at::Device resolveDevice(const std::string& name) {
  if (name == "cpu") return at::Device(at::kCPU);
  const CudaStatus& status = cudaStatus();
  if (name == "auto" && !status.unavailable.empty()) return at::Device(at::kCPU);
  return requireCuda(name == "auto" ? "cuda" : name, status);
}

bool cpuHasAmx() {
#ifdef __x86_64__
  constexpr unsigned kFeatures = 7;        // leaf
  constexpr unsigned kAmxBf16 = 1u << 22;  // in EDX
  static const bool has = [] {             // asking takes microseconds in a virtual machine
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    return __get_cpuid_count(kFeatures, 0, &eax, &ebx, &ecx, &edx) && (edx & kAmxBf16) != 0;
  }();
  return has;
#else
  return false;
#endif
}

void setUpDevice(const at::Device& device) {
  if (device.is_cpu()) {
    installCachingAllocator();
    return;
  }
  // cuDNN neither chooses its algorithms by timing them nor adds up in an order that changes.
  at::globalContext().setBenchmarkCuDNN(false);
  at::globalContext().setDeterministicCuDNN(true);
}

void synchronise(const at::Device& device) {
  if (device.is_cpu()) return;
  c10::impl::getDeviceGuardImpl(device.type())->synchronizeDevice(device.index());
}

std::string deviceName(const at::Device& device) {
  if (device.is_cuda()) return cudaStatus().devices.at(device.index()).name;
  return cpuName();
}

Precision resolvePrecision(const std::string& name, const at::Device& device) {
  if (name == "fp32") return {at::kFloat, "as asked"};
  const bool available = hasBf16(device);
  if (name == "auto") {
    if (available) return {at::kBFloat16, deviceName(device) + " multiplies bf16 in hardware"};
    return {at::kFloat, deviceName(device) + " has no bf16 in hardware"};
  }
  if (!available) {
    throw Error("ERR_MOCO_DEVICE",
                "precision \"bf16\" cannot be used: " + deviceName(device) + " lacks it",
                "Choose --precision fp32 or auto.");
  }
  return {at::kBFloat16, "as asked"};
}

}  // namespace moco
