#pragma once

#include <ATen/ATen.h>

#include <string>

namespace moco {

/// @param name  `auto` (a GPU where there is one), `cpu`, `cuda` or `cuda:<n>`
/// @throws Error ERR_MOCO_DEVICE  where CUDA is asked for and cannot be used, with the reason
at::Device resolveDevice(const std::string& name);

/// Prepares the process for computing on a device, so that the same seed gives the same run.
void setUpDevice(const at::Device& device);

/// Waits until the device has done what it was given; on the CPU that is so already.
void synchronise(const at::Device& device);

/// What to call the device to a person: the processor's or the GPU's name.
std::string deviceName(const at::Device& device);

struct Precision {
  at::ScalarType compute;  // kFloat or kBFloat16
  std::string reason;
};

/// @param name  `auto` (bf16 where the device has it in hardware), `fp32` or `bf16`
/// @throws Error ERR_MOCO_DEVICE  where bf16 is asked for and the device lacks it
Precision resolvePrecision(const std::string& name, const at::Device& device);

/// Whether the processor multiplies bf16 in hardware and LibTorch makes use of it.
bool cpuHasBf16();

/// Whether the processor has a unit that multiplies bf16 matrices (Intel's AMX).
bool cpuHasAmx();

}  // namespace moco
