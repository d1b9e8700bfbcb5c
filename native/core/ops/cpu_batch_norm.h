#pragma once

#include <ATen/ATen.h>

#include "core/ops/batch_norm.h"

namespace moco {

// BatchNorm in training by the kernels of cpu_batch_norm_kernels.h. Forward takes two passes over
// the activations, one for the statistics and one for all the rest; backward takes two as well.

/// Whether this processor can run the kernels, and they can take these tensors: activations in fp32
/// or bf16 that are channels last or (B, C), with C a multiple of 16; parameters in fp32.
bool fitsCpuBatchNorm(const at::Tensor& x, const BatchNormState& state, const at::Tensor& residual);

/// The same as `plainBatchNorm`, for tensors that fit. Differentiable once.
/// @param x  the result is written over it where nothing is differentiated
Twins cpuBatchNorm(const at::Tensor& x, const BatchNormState& state, Epilogue epilogue,
                   const at::Tensor& residual);

}  // namespace moco
