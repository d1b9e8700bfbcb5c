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

bool isAligned(const at::Tensor& tensor) {
  constexpr uintptr_t kBytes = 16;
  return reinterpret_cast<uintptr_t>(addressOf(tensor)) % kBytes == 0;
}

/// The tensor, or a copy where it begins at an address that the kernels cannot take.
at::Tensor aligned(const at::Tensor& tensor) { return isAligned(tensor) ? tensor : tensor.clone(); }

at::Tensor countersOf(const cuda::BatchNormShape& shape, const BatchNormState& state,
                      const at::Tensor& x) {
  if (state.counters.defined()) return state.counters;
  return at::zeros({cuda::batchNormCounters(shape)}, x.options().dtype(at::kInt));
}

cuda::BatchNormScratch scratchOf(const cuda::BatchNormShape& shape, const at::Tensor& workspace,
                                 const at::Tensor& counters) {
  TORCH_CHECK(counters.numel() >= cuda::batchNormCounters(shape), "too few counters");
  return {workspace.mutable_data_ptr<float>(),
          reinterpret_cast<unsigned*>(counters.mutable_data_ptr<int32_t>())};
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
                            scratchOf(shape, workspace, state.counters), streamOf(x));
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

/// @param mask  written with kAddRelu, unless it is undefined
at::Tensor applyAffine(const at::Tensor& x, const at::Tensor& statistics,
                       const BatchNormState& state, Epilogue epilogue, const at::Tensor& residual,
                       const at::Tensor& mask) {
  auto y = at::empty(x.sizes(), x.options(), channelRowLayout(x));
  cuda::batchNormApply(shapeOf(x, statistics.size(1)), epilogue,
                       affineOf(statistics, state.weight, state.bias), x.const_data_ptr(),
                       addressOf(residual), y.mutable_data_ptr(),
                       mask.defined() ? mask.mutable_data_ptr<uint8_t>() : nullptr, streamOf(x));
  return y;
}

struct CudaKernels {
  static BatchNormOutput forward(const at::Tensor& x, const BatchNormState& state,
                                 Epilogue epilogue, const at::Tensor& residual) {
    RECORD_FUNCTION("moco::batch_norm", {});
    const auto statistics = batchStatistics(x, state);
    at::Tensor mask;
    if (epilogue == Epilogue::kAddRelu) {
      mask =
          at::empty({cuda::batchNormMask(shapeOf(x, state.groups))}, x.options().dtype(at::kByte));
    }
    return {applyAffine(x, statistics, state, epilogue, residual, mask), statistics, mask};
  }

  static BatchNormGradients backward(const BatchNormSaved& saved, const at::Tensor& dyAnywhere,
                                     const at::Tensor& dyOtherAnywhere) {
    const auto& [x, weight, bias, statistics, mask, counters, epilogue] = saved;
    const auto dy = aligned(dyAnywhere);
    const auto dyOther = aligned(dyOtherAnywhere);
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
    cuda::batchNormSums(shape, epilogue, affine, dy.const_data_ptr(), addressOf(dyOther),
                        x.const_data_ptr(), static_cast<const uint8_t*>(addressOf(mask)),
                        hasResidual ? dResidual.mutable_data_ptr() : nullptr,
                        {sums.mutable_data_ptr<float>(), dWeight.mutable_data_ptr<float>(),
                         dBias.mutable_data_ptr<float>()},
                        scratchOf(shape, workspace, counters), streamOf(x));

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
  return areChannelRows(x, state, residual) && (state.training || !at::GradMode::is_enabled()) &&
         isAligned(state.weight) && isAligned(state.bias) && isAligned(state.runningMean) &&
         isAligned(state.runningVar);
}

Twins cudaBatchNorm(const at::Tensor& x, const BatchNormState& state, Epilogue epilogue,
                    const at::Tensor& residual) {
  const c10::DeviceGuard guard(x.device());
  const auto input = aligned(x);
  const auto summand = aligned(residual);
  if (!state.training) {
    const auto y = applyAffine(input, runningStatistics(state), state, epilogue, summand, {});
    return {y, y};
  }
  auto counted = state;
  counted.counters = countersOf(shapeOf(x, state.groups), state, x);
  if (!at::GradMode::is_enabled()) {
    RECORD_FUNCTION("moco::batch_norm", {});
    const auto statistics = batchStatistics(input, counted);
    const auto y = applyAffine(input, statistics, counted, epilogue, summand, /*mask=*/{});
    return {y, y};
  }
  return BatchNormFunction<CudaKernels>::of(input, counted, epilogue, summand);
}

}  // namespace moco
