#pragma once

#include <ATen/ATen.h>

#include "core/ops/batch_norm.h"

namespace moco {

// BatchNorm by the kernels of cuda_batch_norm_kernels.h. It is compiled only where they are.

/// Whether the kernels can take these tensors: activations in fp32 or bf16 that are channels last
/// or (B, C), and parameters in fp32 that begin at multiples of 16 bytes. In evaluation mode they
/// only fit where nothing is differentiated.
bool fitsCudaBatchNorm(const at::Tensor& x, const BatchNormState& state,
                       const at::Tensor& residual);

/// The same as `plainBatchNorm`, for tensors that fit. Differentiable once, in training.
Twins cudaBatchNorm(const at::Tensor& x, const BatchNormState& state, Epilogue epilogue,
                    const at::Tensor& residual);

}  // namespace moco
