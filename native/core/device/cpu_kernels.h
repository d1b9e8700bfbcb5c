#pragma once

#include <string>

namespace moco {

/// What decides whether this project's own kernels for the CPU can run.
struct CpuFeatures {
  bool isX86 = false;
  bool avx512 = false;      // AVX512F, -BW, -VL and -VNNI
  bool avx512Bf16 = false;  // AVX512-BF16
  std::string libtorch;     // `at::get_cpu_capability()`: AVX512, AVX2, …
  std::string choice;       // ATEN_CPU_CAPABILITY of the environment; empty: not set
};

/// Why these features rule out our own kernels for the CPU, for people to read; empty if they do
/// not. What LibTorch is told not to use, our kernels do not use either: whoever sets
/// ATEN_CPU_CAPABILITY wants to compare, or the same results on different processors.
std::string whyNoCpuKernels(const CpuFeatures& features);

/// `whyNoCpuKernels` of this process. The kernels are those of BatchNorm and of a frozen encoder's
/// convolutions, in fp32 and bf16, and of other convolutions in bf16; without them PyTorch's
/// compute.
const std::string& cpuKernelsUnavailable();

/// Whether our own kernels for the CPU, and with them AVX-512 and its bf16, can be used.
inline bool useCpuKernels() { return cpuKernelsUnavailable().empty(); }

/// Whether, beyond these, our kernels for AMX can be used.
bool useAmxKernels();

}  // namespace moco
