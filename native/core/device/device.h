#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <string>

#include "core/device/caching_allocator.h"

namespace moco {

/// @param name  `auto` (a GPU where there is one), `cpu`, `cuda` or `cuda:<n>`
/// @throws Error ERR_MOCO_DEVICE  where CUDA is asked for and cannot be used, with the reason
at::Device resolveDevice(const std::string& name);

/// How a GPU computes. A CPU rounds no factors of fp32, and the order in which it adds depends on
/// the number of threads alone.
struct Arithmetic {
  bool tf32 = true;            // fp32's products and convolutions round their factors to TF32
  bool deterministic = false;  // only in orders that do not change from run to run
};

/// Prepares the process for computing on a device, and the calling thread: on a GPU its work goes
/// into a stream of its own, from which a CUDA graph can be recorded.
void setUpDevice(const at::Device& device, const Arithmetic& arithmetic);

/// Waits until the device has done what it was given; on the CPU that is so already.
void synchronise(const at::Device& device);

/// Bytes that there are for tensors: of a GPU's memory what is free, of the CPU's all.
int64_t availableMemory(const at::Device& device);

/// What tensors on the device take.
CachedMemory usedMemory(const at::Device& device);

/// What to call the device to a person: the processor's or the GPU's name.
std::string deviceName(const at::Device& device);

struct Precision {
  at::ScalarType compute;  // kFloat or kBFloat16
  std::string reason;
};

/// @param name  `auto` (bf16 where the device has it in hardware), `fp32` or `bf16`
/// @param tf32  whether fp32 may be TF32, where the device has it
/// @throws Error ERR_MOCO_DEVICE  where bf16 is asked for and the device lacks it
Precision resolvePrecision(const std::string& name, const at::Device& device, bool tf32);

/// Whether the processor multiplies bf16 in hardware and LibTorch makes use of it.
bool cpuHasBf16();

/// Whether the processor has the instructions that our kernels for AVX-512 and bf16 are compiled
/// for.
bool cpuHasAvx512Bf16();

/// Whether the processor has a unit that multiplies bf16 matrices (Intel's AMX).
bool cpuHasAmx();

}  // namespace moco
