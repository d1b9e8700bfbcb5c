#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "core/ops/batch_norm.h"
#include "core/ops/epilogue.h"

namespace moco {

// BatchNorm in training after a 1×1 convolution, by algebra: the statistics are known before the
// convolution, and so convolution, BatchNorm, addition and ReLU are one call. The tensor between
// convolution and BatchNorm is never stored.
//
// The input has n = B·H·W rows h of K channels; the output y = W h has C. With the mean μ and the
// covariance Σ of h over the rows (divided by n), BatchNorm's statistics (Ioffe and Szegedy, ICML
// 2015, algorithm 1) are
//
//   E[y] = W μ,   Var[y] = diag(W Σ Wᵀ),   s = 1/√(Var[y] + eps)
//
// and z = γ s (y − E[y]) + β + residual = Ŵ h + (β − Ŵ μ) + residual with Ŵ = diag(γ s) W.
//
// Backward, dz is the gradient by z and D = Σᵢ dzᵢ (hᵢ − μ)ᵀ, (C, K). Since the normalised value is
// ŷᵢ = s W (hᵢ − μ), BatchNorm's own gradients (algorithm 1's, section 3) become
//
//   dβ = Σᵢ dzᵢ
//   dγ = Σᵢ dzᵢ ŷᵢ = s · rowsum(D ∘ W)
//   dyᵢ = γ s (dzᵢ − dβ/n − ŷᵢ dγ/n)
//   dW = Σᵢ dyᵢ hᵢᵀ = diag(γ s) (D − diag(dγ s) W Σ)       because Σᵢ ŷᵢ hᵢᵀ = n s W Σ
//   dhᵢ = Wᵀ dyᵢ = Ŵᵀ dzᵢ − M (hᵢ − μ) − Ŵᵀ dβ/n           with M = Wᵀ diag(γ s² dγ / n) W
//
// Numbers of activations read and written per row, with an addition, a ReLU and two gradients of
// the output:
//
//                                 forward    backward
//   convolution, then BatchNorm   K + 5 C    2 K + 9 C
//   by algebra                    3 K + 2 C  5 K + 7 C
//
// It takes 2 K² multiply-adds per row more than the 3 K C of the convolution, for hᵀh and M h, and
// 2 C K² once, for W Σ and M. So it is for C > K: a bottleneck's last convolution, where C = 4 K,
// and its shortcut. After the first one, where C ≤ K, it would move more than it saves.
//
// The many small operations between the products are one CUDA kernel in each direction
// (cuda_pointwise_batch_norm_kernels.h), because each by itself would take longer to start than to
// run. On a CPU they are PyTorch's operators: there, nothing of this is meant to be fast.

/// Whether the environment asks for it (`MOCO_POINTWISE_BATCH_NORM=1`). It is an experiment, off
/// until it has been measured on a GPU.
bool asksForPointwiseBatchNorm();

/// Whether it can be computed and should save memory traffic: a 1×1 convolution of stride 1 to more
/// channels, and BatchNorm in training over the whole batch.
/// @param weight  (C, K, k, k) of the convolution
bool fitsPointwiseBatchNorm(const at::Tensor& weight, int64_t stride, const BatchNormState& state);

/// `batchNorm` of a 1×1 convolution of stride 1, in training, with one group. Statistics and what
/// follows from them are in the type of the BatchNorm's parameters.
///
/// Σ is E[h hᵀ] − μ μᵀ, in one pass over h. Its error is that of the sums, magnified by
/// 1 + E[y]²/Var[y]: in fp32 it takes a mean of a hundred standard deviations to lose four digits
/// of the variance, and inputs behind a ReLU have a mean of about one.
/// @param x         (B, K, H, W)
/// @param weight    (C, K, 1, 1), of the type of x
/// @param residual  (B, C, H, W), for kAddRelu
/// @return          (B, C, H, W), channels last
/// @throws c10::Error  where shapes or state do not fit, where cuDNN has no kernel for the fused
///                     call, and where a second derivative is asked for
Twins pointwiseConvolutionBatchNorm(const at::Tensor& x, const at::Tensor& weight,
                                    const BatchNormState& state, Epilogue epilogue,
                                    const at::Tensor& residual = {});

}  // namespace moco
