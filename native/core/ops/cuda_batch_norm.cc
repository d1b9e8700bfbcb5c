#include "core/ops/cuda_batch_norm.h"

#include <ATen/core/grad_mode.h>
#include <ATen/record_function.h>
#include <c10/core/DeviceGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "core/ops/batch_norm_function.h"
#include "core/ops/cuda_batch_norm_kernels.h"

namespace moco {
namespace {

cuda::BatchNormShape shapeOf(const at::Tensor& x, int64_t groups) {
  TORCH_CHECK(x.size(0) % groups == 0, groups, " groups do not divide the batch");
  const auto type =
      x.scalar_type() == at::kBFloat16 ? cuda::ElementType::kBFloat16 : cuda::ElementType::kFloat;
  return {type, x.numel() / x.size(1), x.size(1), groups};
}

at::Tensor emptyFloats(const at::Tensor& x, at::IntArrayRef shape) {
  return at::empty(shape, x.options().dtype(at::kFloat));
}

const void* addressOf(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr() : nullptr;
}

cudaStream_t streamOf(const at::Tensor& x) {
  return c10::cuda::getCurrentCUDAStream(x.device().index());
}

/// Computes the statistics of x and moves the running ones.
/// @return  (2, groups, C): means, and reciprocal standard deviations
at::Tensor batchStatistics(const at::Tensor& x, const BatchNormState& state) {
  const auto shape = shapeOf(x, state.groups);
  const auto statistics = emptyFloats(x, {2, shape.groups, shape.channels});
  const auto workspace = emptyFloats(x, {cuda::batchNormWorkspace(shape)});
  cuda::batchNormStatistics(shape, x.const_data_ptr(), kBatchNormEps,
                            statistics[0].mutable_data_ptr<float>(),
                            statistics[1].mutable_data_ptr<float>(),
                            {state.runningMean.mutable_data_ptr<float>(),
                             state.runningVar.mutable_data_ptr<float>(), kBatchNormMomentum},
                            workspace.mutable_data_ptr<float>(), streamOf(x));
  return statistics;
}

/// @return  (2, 1, C): the running means, and reciprocal standard deviations
at::Tensor runningStatistics(const BatchNormState& state) {
  return at::stack({state.runningMean, (state.runningVar + kBatchNormEps).rsqrt()}).unsqueeze(1);
}

cuda::BatchNormAffine affineOf(const at::Tensor& statistics, const at::Tensor& weight,
                               const at::Tensor& bias) {
  const float* const means = statistics.const_data_ptr<float>();
  return {means, means + statistics.stride(0), weight.const_data_ptr<float>(),
          bias.const_data_ptr<float>()};
}

at::Tensor applyAffine(const at::Tensor& x, const at::Tensor& statistics,
                       const BatchNormState& state, Epilogue epilogue, const at::Tensor& residual) {
  auto y = at::empty(x.sizes(), x.options(), channelRowLayout(x));
  cuda::batchNormApply(shapeOf(x, statistics.size(1)), epilogue,
                       affineOf(statistics, state.weight, state.bias), x.const_data_ptr(),
                       addressOf(residual), y.mutable_data_ptr(), streamOf(x));
  return y;
}

struct CudaKernels {
  static BatchNormOutput forward(const at::Tensor& x, const BatchNormState& state,
                                 Epilogue epilogue, const at::Tensor& residual) {
    RECORD_FUNCTION("moco::batch_norm", {});
    const auto statistics = batchStatistics(x, state);
    return {applyAffine(x, statistics, state, epilogue, residual), statistics};
  }

  static BatchNormGradients backward(const BatchNormSaved& saved, const at::Tensor& dy) {
    const auto& [x, weight, bias, statistics, y, epilogue] = saved;
    const auto affine = affineOf(statistics, weight, bias);
    const auto shape = shapeOf(x, statistics.size(1));
    const c10::DeviceGuard device(x.device());

    const bool hasResidual = epilogue == Epilogue::kAddRelu;
    const auto dResidual =
        hasResidual ? at::empty(x.sizes(), x.options(), channelRowLayout(x)) : at::Tensor();
    const auto sums = emptyFloats(x, {shape.groups, 2, shape.channels});
    const auto dWeight = emptyFloats(x, {shape.channels});
    const auto dBias = emptyFloats(x, {shape.channels});
    const auto workspace = emptyFloats(x, {cuda::batchNormWorkspace(shape)});
    cuda::batchNormSums(shape, epilogue, affine, dy.const_data_ptr(), x.const_data_ptr(),
                        addressOf(y), hasResidual ? dResidual.mutable_data_ptr() : nullptr,
                        {sums.mutable_data_ptr<float>(), dWeight.mutable_data_ptr<float>(),
                         dBias.mutable_data_ptr<float>()},
                        workspace.mutable_data_ptr<float>(), streamOf(x));

    const auto dx = at::empty(x.sizes(), x.options(), channelRowLayout(x));
    cuda::batchNormInputGradient(shape, epilogue, affine, addressOf(hasResidual ? dResidual : dy),
                                 x.const_data_ptr(), sums.const_data_ptr<float>(),
                                 dx.mutable_data_ptr(), streamOf(x));
    return {dx, dWeight, dBias, dResidual};
  }
};

}  // namespace

bool fitsCudaBatchNorm(const at::Tensor& x, const BatchNormState& state,
                       const at::Tensor& residual) {
  return areChannelRows(x, state, residual) && (state.training || !at::GradMode::is_enabled());
}

at::Tensor cudaBatchNorm(const at::Tensor& x, const BatchNormState& state, Epilogue epilogue,
                         const at::Tensor& residual) {
  const c10::DeviceGuard guard(x.device());
  if (!state.training) return applyAffine(x, runningStatistics(state), state, epilogue, residual);
  return BatchNormFunction<CudaKernels>::of(x, state, epilogue, residual);
}

}  // namespace moco
