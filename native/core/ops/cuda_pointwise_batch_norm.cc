#include "core/ops/cuda_pointwise_batch_norm.h"

#include <c10/core/DeviceGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "core/ops/cuda_pointwise_batch_norm_kernels.h"
#include "core/ops/pointwise_batch_norm_function.h"

namespace moco {
namespace {

using pointwise::Folded, pointwise::Gradients, pointwise::GradientSums, pointwise::Moments,
    pointwise::Saved;

cuda::ElementType typeOf(const at::Tensor& tensor) {
  return tensor.scalar_type() == at::kBFloat16 ? cuda::ElementType::kBFloat16
                                               : cuda::ElementType::kFloat;
}

cuda::PointwiseShape shapeOf(const at::Tensor& weight) {
  return {typeOf(weight), weight.size(1), weight.size(0)};
}

cudaStream_t streamOf(const at::Tensor& tensor) {
  return c10::cuda::getCurrentCUDAStream(tensor.device().index());
}

const float* floats(const at::Tensor& tensor) { return tensor.const_data_ptr<float>(); }

bool isFloatParameter(const at::Tensor& tensor) {
  return tensor.scalar_type() == at::kFloat && tensor.is_contiguous();
}

struct CudaSteps {
  static Folded fold(const at::Tensor& weight, const Moments& moments, int64_t rows,
                     const BatchNormState& state) {
    const Folded folded{.weight = at::empty_like(weight),
                        .shift = at::empty({weight.size(0)}, weight.options()),
                        .inverseStd = at::empty_like(state.weight),
                        .weightedCovariance = weight.to(at::kFloat).mm(moments.covariance)};
    cuda::foldPointwise(
        shapeOf(weight),
        {.weight = weight.const_data_ptr(),
         .mean = floats(moments.mean),
         .weightedCovariance = floats(folded.weightedCovariance),
         .gamma = floats(state.weight),
         .beta = floats(state.bias),
         .eps = kBatchNormEps,
         .running = {state.runningMean.mutable_data_ptr<float>(),
                     state.runningVar.mutable_data_ptr<float>(), kBatchNormMomentum},
         .unbiased = static_cast<float>(rows) / static_cast<float>(rows - 1),
         .foldedWeight = folded.weight.mutable_data_ptr(),
         .shift = folded.shift.mutable_data_ptr(),
         .inverseStd = folded.inverseStd.mutable_data_ptr<float>()},
        streamOf(weight));
    return folded;
  }

  static at::Tensor reluGradient(const at::Tensor& dy, const at::Tensor& dyOther,
                                 const at::Tensor& y) {
    const c10::DeviceGuard device(y.device());
    const auto dz = at::empty_like(y);
    cuda::reluGradient(typeOf(y), y.numel(), dy.const_data_ptr(),
                       dyOther.defined() ? dyOther.const_data_ptr() : nullptr, y.const_data_ptr(),
                       dz.mutable_data_ptr(), streamOf(y));
    return dz;
  }

  static Gradients differentiate(const Saved& saved, const GradientSums& sums) {
    const at::Tensor& weight = saved.weight;
    const c10::DeviceGuard device(weight.device());
    const auto dWeight = at::empty_like(weight), curvature = at::empty_like(weight);
    const auto constantFactor = at::empty({weight.size(0)}, weight.options());
    const auto dGamma = at::empty_like(saved.gamma);
    cuda::pointwiseGradient(shapeOf(weight),
                            {.weight = weight.const_data_ptr(),
                             .mean = floats(saved.mean),
                             .weightedCovariance = floats(saved.weightedCovariance),
                             .inverseStd = floats(saved.inverseStd),
                             .gamma = floats(saved.gamma),
                             .product = floats(sums.product),
                             .dBeta = floats(sums.dz),
                             .rows = static_cast<float>(sums.rows),
                             .dGamma = dGamma.mutable_data_ptr<float>(),
                             .dWeight = dWeight.mutable_data_ptr(),
                             .curvature = curvature.mutable_data_ptr(),
                             .constantFactor = constantFactor.mutable_data_ptr()},
                            streamOf(weight));
    return {dWeight, dGamma, weight.t().mm(curvature), weight.t().mv(constantFactor)};
  }
};

}  // namespace

bool fitsCudaPointwiseBatchNorm(const at::Tensor& x, const BatchNormState& state) {
  return (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16) &&
         isFloatParameter(state.weight) && isFloatParameter(state.bias) &&
         isFloatParameter(state.runningMean) && isFloatParameter(state.runningVar);
}

Twins cudaPointwiseBatchNorm(const at::Tensor& x, const at::Tensor& weight,
                             const BatchNormState& state, Epilogue epilogue,
                             const at::Tensor& residual) {
  const c10::DeviceGuard guard(x.device());
  return pointwise::Function<CudaSteps>::of(x, weight, state, epilogue, residual);
}

}  // namespace moco
