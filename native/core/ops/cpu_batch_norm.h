#pragma once

#include <ATen/ATen.h>

#include "core/ops/batch_norm.h"

namespace moco {

// BatchNorm in training by the kernels of cpu_batch_norm_kernels.h: two passes over the activations
// forward, one for the statistics and one for all the rest, and two backward.

/// Whether the kernels know these tensors, on this processor: fp32 or bf16, channels last, or one
/// row for each picture; one group; parameters in fp32.
bool fitsCpuBatchNorm(const at::Tensor& x, const BatchNormState& state, const at::Tensor& residual);

/// As `plainBatchNorm`, for tensors that fit. Differentiable.
/// @param x  its memory is taken for the result where nothing is differentiated
at::Tensor cpuBatchNorm(const at::Tensor& x, const BatchNormState& state, Epilogue epilogue,
                        const at::Tensor& residual);

}  // namespace moco
