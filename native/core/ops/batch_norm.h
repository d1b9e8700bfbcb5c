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
  /// Whether to normalise by the statistics of the batch, which then move the running ones.
  bool training;
  /// Into how many equal parts the batch is divided in training, one after the other. Each part has
  /// statistics of its own, and the running ones move towards the mean of theirs. Must divide the
  /// batch.
  int64_t groups;
  /// (at least `batchNormCounters(C)`) int32, all zero. A GPU's kernels count in them and leave
  /// them zero, so the layer may not compute twice at the same time, which the running statistics
  /// do not allow either. Where they are undefined, each call makes some.
  at::Tensor counters = {};
};

/// How many counters the kernels of a layer need.
int64_t batchNormCounters(int64_t channels);

/// A result for two readers: two tensors with the same memory. Each has a gradient of its own. With
/// kernels of our own and kAddRelu, the backward pass adds these as it reads them, which saves the
/// operator by which autograd adds the gradients of a tensor that is read twice.
struct Twins {
  at::Tensor first, second;
};

constexpr double kBatchNormEps = 1e-5;
constexpr double kBatchNormMomentum = 0.1;

/// BatchNorm (Ioffe & Szegedy, ICML 2015) and what follows it. Kernels of our own that need few
/// passes over the activations (cuda_batch_norm_kernels.h, cpu_batch_norm_kernels.h) compute it
/// where they are built in and can take the tensors; else PyTorch's operators do.
/// @param x         (B, C) or (B, C, H, W); where nothing is differentiated, the result may be
///                  written over it
/// @param residual  of the shape of x, for kAddRelu
Twins batchNorm(const at::Tensor& x, const BatchNormState& state, Epilogue epilogue,
                const at::Tensor& residual = {});

/// The same by PyTorch's operators, one after the other.
Twins plainBatchNorm(const at::Tensor& x, const BatchNormState& state, Epilogue epilogue,
                     const at::Tensor& residual = {});

/// Whether the kernels can take these tensors: activations in fp32 or bf16 that lie in memory as
/// rows of channels, in `channelRowLayout`, and parameters in fp32.
bool areChannelRows(const at::Tensor& x, const BatchNormState& state, const at::Tensor& residual);
/// The layout in which activations (B, C) or (B, C, H, W) are rows of channels.
at::MemoryFormat channelRowLayout(const at::Tensor& x);

}  // namespace moco
