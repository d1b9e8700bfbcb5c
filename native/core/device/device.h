#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>

#include "core/device/caching_allocator.h"

namespace moco {

/// The device that a name stands for.
/// @param name  `auto` (the first GPU if there is one, else the CPU), `cpu`, `cuda` or `cuda:<n>`
/// @throws Error ERR_MOCO_DEVICE  if the GPU cannot be used, with the reason
at::Device resolveDevice(const std::string& name);

/// How a GPU computes. The CPU needs no such settings: it never rounds the factors of fp32
/// products, and the order of its additions depends on the number of threads alone.
struct Arithmetic {
  bool tf32 = true;  // matrix products and convolutions in fp32 round their factors to TF32
  bool deterministic = false;  // only algorithms that add in the same order in every run

  /// Calls `visit(name, value)` for every setting.
  template <class Visit>
  void each(Visit&& visit) {
    visit("tf32", tf32);
    visit("deterministic", deterministic);
  }
};

/// Prepares the process and the calling thread for computing on a device. For the CPU it installs
/// the caching allocator. For a GPU it sets the arithmetic, lets cuDNN time its algorithms (unless
/// they must be deterministic), and gives the calling thread a stream of its own, because a CUDA
/// graph cannot be recorded from the default stream.
void setUpDevice(const at::Device& device, const Arithmetic& arithmetic);

/// While it lives, cuDNN chooses its algorithms by its heuristics, for the whole process: see
/// `setUpDevice`. What was chosen before stays chosen.
class CudnnHeuristics {
 public:
  CudnnHeuristics();
  CudnnHeuristics(const CudnnHeuristics&) = delete;
  CudnnHeuristics& operator=(const CudnnHeuristics&) = delete;
  ~CudnnHeuristics();

 private:
  bool before_;
};

/// Waits until the device has finished all work that it was given. The CPU always has.
void synchronise(const at::Device& device);

/// Memory for tensors, in bytes: what is free now on a GPU; on the CPU all that the process may use
/// (`physicalMemory`).
int64_t availableMemory(const at::Device& device);

/// The memory that tensors on the device take.
CachedMemory usedMemory(const at::Device& device);

/// The name of the processor or GPU, for people to read.
std::string deviceName(const at::Device& device);

/// The type that layers compute in, and why, as a text for the user.
struct Precision {
  at::ScalarType compute;  // kFloat or kBFloat16
  std::string reason;
};

/// The precision that a name stands for on a device.
/// @param name  `auto` (bf16 if the device has it in hardware, else fp32), `fp32` or `bf16`
/// @param tf32  whether fp32 may use TF32 on a GPU that has it, which the reason mentions then
/// @throws Error ERR_MOCO_DEVICE  if bf16 is asked for and the device lacks it
Precision resolvePrecision(const std::string& name, const at::Device& device, bool tf32);

/// Whether the processor multiplies bf16 in hardware and LibTorch makes use of it.
bool cpuHasBf16();

/// Whether the processor has a unit that multiplies bf16 matrices (Intel's AMX), the system lets
/// this process use it, and ONEDNN_MAX_CPU_ISA does not rule it out.
bool cpuHasAmx();

}  // namespace moco
