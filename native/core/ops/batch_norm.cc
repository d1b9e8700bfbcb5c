#include "core/ops/batch_norm.h"

#include <ATen/core/grad_mode.h>

#include <vector>

#include "core/ops/cpu_batch_norm.h"
#ifdef MOCO_CUDA_KERNELS
#include "core/device/cuda_kernels.h"
#include "core/ops/cuda_batch_norm.h"
#endif

namespace moco {
namespace {

at::Tensor normalise(const at::Tensor& x, const BatchNormState& state,
                     const at::Tensor& runningMean, const at::Tensor& runningVar) {
  return at::batch_norm(x, state.weight, state.bias, runningMean, runningVar, state.training,
                        kBatchNormMomentum, kBatchNormEps, at::globalContext().userEnabledCuDNN());
}

at::Tensor normaliseByGroup(const at::Tensor& x, const BatchNormState& state) {
  TORCH_CHECK(x.size(0) % state.groups == 0, state.groups, " groups do not divide the batch");
  const int64_t pictures = x.size(0) / state.groups;
  const auto means = state.runningMean.detach().repeat({state.groups, 1});
  const auto variances = state.runningVar.detach().repeat({state.groups, 1});
  std::vector<at::Tensor> parts;
  parts.reserve(state.groups);
  for (int64_t group = 0; group < state.groups; ++group) {
    parts.push_back(
        normalise(x.narrow(0, group * pictures, pictures), state, means[group], variances[group]));
  }
  {
    const at::NoGradGuard noGrad;
    // As data of their own: autograd has saved the running statistics of other passes, does not
    // read them, and would refuse a backward pass after they have changed.
    state.runningMean.variable_data().copy_(means.mean(0));
    state.runningVar.variable_data().copy_(variances.mean(0));
  }
  return at::cat(parts);
}

bool isInRows(const at::Tensor& x) {
  return (x.dim() == 2 || x.dim() == 4) && x.is_contiguous(channelRowLayout(x));
}

bool isFloatParameter(const at::Tensor& tensor) {
  return tensor.scalar_type() == at::kFloat && tensor.is_contiguous();
}

}  // namespace

at::MemoryFormat channelRowLayout(const at::Tensor& x) {
  return x.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
}

bool areChannelRows(const at::Tensor& x, const BatchNormState& state, const at::Tensor& residual) {
  const auto type = x.scalar_type();
  return (type == at::kFloat || type == at::kBFloat16) && x.numel() > 0 && isInRows(x) &&
         isFloatParameter(state.weight) && isFloatParameter(state.bias) &&
         isFloatParameter(state.runningMean) && isFloatParameter(state.runningVar) &&
         (!residual.defined() ||
          (residual.scalar_type() == type && residual.sizes() == x.sizes() && isInRows(residual)));
}

int64_t batchNormCounters(int64_t channels) {
  constexpr int64_t kFewestChannels = 32;  // of a block, in cuda_rows.cuh
  return (channels + kFewestChannels - 1) / kFewestChannels;
}

Twins plainBatchNorm(const at::Tensor& x, const BatchNormState& state, Epilogue epilogue,
                     const at::Tensor& residual) {
  const bool isSplit = state.training && state.groups > 1;
  auto y = isSplit ? normaliseByGroup(x, state)
                   : normalise(x, state, state.runningMean, state.runningVar);
  if (epilogue == Epilogue::kAddRelu) y.add_(residual);
  if (epilogue != Epilogue::kNone) y.relu_();
  return {y, y};
}

Twins batchNorm(const at::Tensor& x, const BatchNormState& state, Epilogue epilogue,
                const at::Tensor& residual) {
#ifdef MOCO_CUDA_KERNELS
  if (x.is_cuda() && useCudaKernels() && fitsCudaBatchNorm(x, state, residual)) {
    return cudaBatchNorm(x, state, epilogue, residual);
  }
#endif
  if (fitsCpuBatchNorm(x, state, residual)) return cpuBatchNorm(x, state, epilogue, residual);
  return plainBatchNorm(x, state, epilogue, residual);
}

}  // namespace moco
