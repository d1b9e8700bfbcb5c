#pragma once

#include <ATen/ATen.h>

#include "core/ops/batch_norm.h"

namespace moco {

// BatchNorm by the kernels of cuda_batch_norm_kernels.h. Compiled only where they are.

/// Whether the kernels know these tensors: fp32 or bf16, channels last, or one row for each
/// picture; parameters in fp32. In evaluation mode they do not differentiate.
bool fitsCudaBatchNorm(const at::Tensor& x, const BatchNormState& state,
                       const at::Tensor& residual);

/// As `plainBatchNorm`, for tensors that fit. Differentiable in training.
at::Tensor cudaBatchNorm(const at::Tensor& x, const BatchNormState& state, Epilogue epilogue,
                         const at::Tensor& residual);

}  // namespace moco
