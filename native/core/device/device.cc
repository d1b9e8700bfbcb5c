#include "core/device/device.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <cstdlib>

#ifdef __x86_64__
#include <cpuid.h>
#endif
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "core/base/error.h"
#include "core/base/failure.h"
#include "core/device/cpu_name.h"
#include "core/device/cuda_driver.h"

namespace moco {
namespace {

/// How many of cuDNN's algorithms are timed for a shape: PyTorch's default. Fewer would save
/// milliseconds only, because all are built in any case.
constexpr int kTimedAlgorithms = 10;

bool isFromAmpereOn(const at::Device& device) {
  constexpr int kAmpere = 8;
  return device.is_cuda() && cudaStatus().devices.at(device.index()).major >= kAmpere;
}

/// Whether the processor has bf16 that LibTorch trains with.
bool processorHasBf16() {
#ifdef __x86_64__
  return __builtin_cpu_supports("avx512bf16");
#else
  // Some of Arm have it. But there oneDNN computes the gradients of convolutions in bf16 by its
  // reference implementation, which is many times slower than fp32.
  return false;
#endif
}

/// Whether oneDNN, in LibTorch, computes in bf16 here. ONEDNN_MAX_CPU_ISA can forbid that; its
/// convolutions in bf16 then fail instead of being slow.
bool oneDnnHasBf16() {
  if (!at::globalContext().hasMKLDNN()) return false;
  const auto asks =
      c10::Dispatcher::singleton().findSchema({"mkldnn::_is_mkldnn_bf16_supported", ""});
  return !asks || asks->typed<bool()>().call();
}

#ifdef __x86_64__

/// Whether ONEDNN_MAX_CPU_ISA lets oneDNN use AMX. What that is not to use, we do not use either.
bool mayUseAmx() {
  const char* limit = std::getenv("ONEDNN_MAX_CPU_ISA");
  if (limit == nullptr) return true;
  const std::string name(limit);
  return name == "ALL" || name == "DEFAULT" || name.find("AMX") != std::string::npos;
}

/// Asks the system for the tiles of AMX, which a process may use only after that.
bool isGivenTiles() {
#ifdef __linux__
  constexpr int64_t kAskForState = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr int64_t kTileData = 18;         // the number of the tiles' state
  return syscall(SYS_arch_prctl, kAskForState, kTileData) == 0;
#else
  return false;
#endif
}

#endif

/// Why a device should not compute in bf16; empty if it should.
std::string whyNoBf16(const at::Device& device) {
  if (device.is_cuda() ? isFromAmpereOn(device) : cpuHasBf16()) return "";
#ifndef __x86_64__
  if (device.is_cpu()) return "LibTorch trains fast in bf16 on x86 processors only";
#endif
  if (device.is_cuda() || !processorHasBf16())
    return deviceName(device) + " has no bf16 in hardware";
  const char* limit = std::getenv("ONEDNN_MAX_CPU_ISA");
  return limit == nullptr ? "LibTorch does not use this processor's bf16"
                          : std::string("ONEDNN_MAX_CPU_ISA is ") + limit;
}

/// Runs something small on the GPU. That it is listed is not enough: LibTorch may not have been
/// built for its architecture, or another process may have it for itself.
void requireKernels(const std::string& name, const at::Device& device) {
  try {
    at::ones({1}, device).add_(1).to(at::kCPU);
  } catch (const c10::Error&) {
    throw Error(
        "ERR_MOCO_DEVICE",
        "device \"" + name + "\" cannot be used: " + describe(std::current_exception()).message,
        "Choose --device cpu or another GPU, or a LibTorch that was built for this one; "
        "nvidia-smi shows whether others use it.");
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

/// Takes effect on all GPUs, for the whole process.
void setArithmetic(const Arithmetic& arithmetic) {
  auto& context = at::globalContext();
  context.setAllowTF32CuBLAS(arithmetic.tf32);
  context.setAllowTF32CuDNN(arithmetic.tf32);
  // cuDNN times its algorithms and takes the fastest, which need not be the same one in every run.
  // For each shape of a convolution PyTorch builds every algorithm that cuDNN lists, at up to a
  // second each, and times the best of them by cuDNN's heuristics. A training run repeats its
  // shapes in every step and is repaid for that. What is computed too seldom chooses by
  // `CudnnHeuristics`, which builds one algorithm.
  context.setBenchmarkCuDNN(!arithmetic.deterministic);
  context.setBenchmarkLimitCuDNN(kTimedAlgorithms);
  context.setDeterministicCuDNN(arithmetic.deterministic);
  context.setDeterministicAlgorithms(arithmetic.deterministic, /*warn_only=*/false);
  // No memory is read here before it is written, so it need not be filled to be deterministic.
  context.setDeterministicFillUninitializedMemory(false);
  // cuBLAS needs this to be deterministic and reads it when it starts; PyTorch checks that it is
  // set.
  if (arithmetic.deterministic) setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/1);
}

/// Gives the calling thread a stream of its own, because no CUDA graph can be recorded from the
/// default stream.
void takeStream(const at::Device& device) {
  const auto* gpu = c10::impl::getDeviceGuardImpl(device.type());
  gpu->setDevice(device);
  if (gpu->getStream(device) != gpu->getDefaultStream(device)) return;
  gpu->exchangeStream(gpu->getStreamFromGlobalPool(device));
}

}  // namespace

bool cpuHasBf16() {
  static const bool has = processorHasBf16() && oneDnnHasBf16();
  return has;
}

at::Device resolveDevice(const std::string& name) {
  if (name == "cpu") return at::Device(at::kCPU);
  const CudaStatus& status = cudaStatus();
  if (name == "auto" && !status.unavailable.empty()) return at::Device(at::kCPU);
  return requireCuda(name == "auto" ? "cuda" : name, status);
}

bool cpuHasAmx() {
#ifdef __x86_64__
  constexpr unsigned kFeatures = 7;        // the leaf of CPUID with the extended features
  constexpr unsigned kAmxBf16 = 1u << 22;  // a bit of EDX
  // Asked once, because CPUID takes microseconds in a virtual machine.
  static const bool has = [] {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    return mayUseAmx() && __get_cpuid_count(kFeatures, 0, &eax, &ebx, &ecx, &edx) &&
           (edx & kAmxBf16) != 0 && isGivenTiles();
  }();
  return has;
#else
  return false;
#endif
}

void setUpDevice(const at::Device& device, const Arithmetic& arithmetic) {
  if (device.is_cpu()) {
    installCachingAllocator();
    return;
  }
  setArithmetic(arithmetic);
  takeStream(device);
}

CudnnHeuristics::CudnnHeuristics() : before_(at::globalContext().benchmarkCuDNN()) {
  at::globalContext().setBenchmarkCuDNN(false);
}

CudnnHeuristics::~CudnnHeuristics() { at::globalContext().setBenchmarkCuDNN(before_); }

void synchronise(const at::Device& device) {
  if (device.is_cpu()) return;
  c10::impl::getDeviceGuardImpl(device.type())->synchronizeDevice(device.index());
}

int64_t availableMemory(const at::Device& device) {
  if (device.is_cpu()) return static_cast<int64_t>(physicalMemory());
  const auto [free, total] = c10::getDeviceAllocator(device.type())->getMemoryInfo(device.index());
  return static_cast<int64_t>(free);
}

CachedMemory usedMemory(const at::Device& device) {
  if (device.is_cpu()) return cachedMemory();
  const auto stats = c10::getDeviceAllocator(device.type())->getDeviceStats(device.index());
  constexpr auto kAll = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  const auto& used = stats.allocated_bytes[kAll];
  const auto& held = stats.reserved_bytes[kAll];
  return {.inUse = static_cast<size_t>(used.current),
          .cached = static_cast<size_t>(held.current - used.current),
          .peak = static_cast<size_t>(used.peak),
          .held = static_cast<size_t>(held.peak)};
}

std::string deviceName(const at::Device& device) {
  if (device.is_cuda()) return cudaStatus().devices.at(device.index()).name;
  return cpuName();
}

Precision resolvePrecision(const std::string& name, const at::Device& device, bool tf32) {
  const std::string rounding = tf32 && isFromAmpereOn(device) ? ", with factors in TF32" : "";
  if (name == "fp32") return {at::kFloat, "as asked" + rounding};
  const std::string why = whyNoBf16(device);
  if (name == "auto") {
    if (!why.empty()) return {at::kFloat, why};
    return {at::kBFloat16, deviceName(device) + " multiplies bf16 in hardware"};
  }
  if (!why.empty()) {
    throw Error("ERR_MOCO_DEVICE", "precision \"bf16\" cannot be used: " + why,
                "Choose --precision fp32 or auto.");
  }
  return {at::kBFloat16, "as asked"};
}

}  // namespace moco
