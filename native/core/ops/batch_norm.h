#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "core/ops/epilogue.h"

namespace moco {

/// What one BatchNorm layer computes with (eps 1e-5, momentum 0.1).
struct BatchNormState {
  const at::Tensor& weight;       // (C)
  const at::Tensor& bias;         // (C)
  const at::Tensor& runningMean;  // (C)
  const at::Tensor& runningVar;   // (C)
  /// Whether the statistics are the batch's, and move the running ones.
  bool training;
  /// In training: so many equal parts of the batch, one after the other, have statistics of their
  /// own; the running ones move towards the mean of theirs. Must divide the batch.
  int64_t groups;
};

constexpr double kBatchNormEps = 1e-5;
constexpr double kBatchNormMomentum = 0.1;

/// BatchNorm and what follows it (Ioffe & Szegedy, ICML 2015): by kernels of our own in few passes
/// (native/core/ops/cuda_batch_norm_kernels.h, cpu_batch_norm_kernels.h) where they are built in
/// and know type and layout, else by PyTorch's operators.
/// @param x         (B, C) or (B, C, H, W); its memory may be taken for the result where nothing is
///                  differentiated
/// @param residual  like x; for kAddRelu
at::Tensor batchNorm(const at::Tensor& x, const BatchNormState& state, Epilogue epilogue,
                     const at::Tensor& residual = {});

/// The same by PyTorch's operators, one after the other.
at::Tensor plainBatchNorm(const at::Tensor& x, const BatchNormState& state, Epilogue epilogue,
                          const at::Tensor& residual = {});

/// What the kernels read and write: fp32 or bf16 whose memory is rows of channels, as
/// `channelRowLayout` has them, and parameters in fp32.
bool areChannelRows(const at::Tensor& x, const BatchNormState& state, const at::Tensor& residual);
/// The layout in which x, (B, C) or (B, C, H, W), is rows of channels.
at::MemoryFormat channelRowLayout(const at::Tensor& x);

}  // namespace moco
