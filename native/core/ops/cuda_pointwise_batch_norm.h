#pragma once

#include <ATen/ATen.h>

#include "core/ops/batch_norm.h"

namespace moco {

// BatchNorm by algebra with the kernels of cuda_pointwise_batch_norm_kernels.h between its
// products. It is compiled only where they are.

/// Whether the kernels can take these tensors: activations in fp32 or bf16, parameters in fp32.
bool fitsCudaPointwiseBatchNorm(const at::Tensor& x, const BatchNormState& state);

/// The same as `pointwiseConvolutionBatchNorm`, for tensors that fit.
Twins cudaPointwiseBatchNorm(const at::Tensor& x, const at::Tensor& weight,
                             const BatchNormState& state, Epilogue epilogue,
                             const at::Tensor& residual);

}  // namespace moco
