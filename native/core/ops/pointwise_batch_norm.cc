#include "core/ops/pointwise_batch_norm.h"

#include <ATen/Context.h>

#include <cstdlib>
#include <string_view>

#include "core/ops/pointwise_batch_norm_function.h"
#ifdef MOCO_CUDA_KERNELS
#include "core/device/cuda_kernels.h"
#include "core/ops/cuda_pointwise_batch_norm.h"
#endif

namespace moco {
namespace pointwise {
namespace {

bool usesCudnn(const at::Tensor& x) {
  const auto& context = at::globalContext();
  // cuDNN's fused convolutions do not keep to deterministic algorithms where those are asked for.
  return x.is_cuda() && context.hasCuDNN() && context.userEnabledCuDNN() &&
         !context.deterministicCuDNN() && x.scalar_type() != at::kDouble;
}

/// Moves the running statistics of y = W h towards the batch's.
/// @param weight  in the type of the statistics
void moveRunningStatistics(const BatchNormState& state, const at::Tensor& weight,
                           const at::Tensor& mean, const at::Tensor& variance, int64_t rows) {
  // Other layers' statistics lie in the same buffer. PyTorch's BatchNorm saves its own for the
  // backward pass, which does not read them in training, but fails where the buffer's count of
  // writes has changed. `variable_data` is the same memory with a count of its own.
  const auto runningMean = state.runningMean.variable_data();
  const auto runningVar = state.runningVar.variable_data();
  const auto unbiased = static_cast<double>(rows) / static_cast<double>(rows - 1);
  runningMean.addmv_(weight, mean, 1 - kBatchNormMomentum, kBatchNormMomentum);
  runningVar.lerp_(variance * unbiased, kBatchNormMomentum);
}

/// By PyTorch's operators, for tensors of any type on any device.
struct PlainSteps {
  static Folded fold(const at::Tensor& weight, const Moments& moments, int64_t rows,
                     const BatchNormState& state) {
    const auto wide = weight.to(moments.mean.scalar_type());
    const auto weightedCovariance = wide.mm(moments.covariance);
    // By rounding, a variance near zero can come out below it.
    const auto variance = (weightedCovariance * wide).sum(1).clamp_min_(0);
    const auto inverseStd = (variance + kBatchNormEps).rsqrt_();
    const auto folded = (wide * (state.weight * inverseStd).unsqueeze(1)).to(weight.scalar_type());
    // With the weights as they were rounded, so that rounding them does not move the output's mean.
    const auto shift = at::addmv(state.bias, folded.to(wide.scalar_type()), moments.mean, 1, -1);
    moveRunningStatistics(state, wide, moments.mean, variance, rows);
    return {folded, shift.to(weight.scalar_type()), inverseStd, weightedCovariance};
  }

  static at::Tensor reluGradient(const at::Tensor& dy, const at::Tensor& dyOther,
                                 const at::Tensor& y) {
    return at::threshold_backward(dyOther.defined() ? dy + dyOther : dy, y, 0);
  }

  static Gradients differentiate(const Saved& saved, const GradientSums& sums) {
    const auto& [weight, gamma, mean, inverseStd, weightedCovariance] = saved;
    const auto n = static_cast<double>(sums.rows);
    const auto wide = weight.to(mean.scalar_type());
    const auto centred = at::addr(sums.product, sums.dz, mean, 1, -1);  // D
    const auto dGamma = (centred * wide).sum(1).mul_(inverseStd);

    const auto scale = gamma * inverseStd;
    const auto slope = dGamma * inverseStd;
    const auto dWeight =
        (centred - weightedCovariance * slope.unsqueeze(1)).mul_(scale.unsqueeze(1));
    const auto quadratic = wide.t().mm(wide * (scale * slope / n).unsqueeze(1));
    const auto constant = wide.t().mv(scale * (slope * wide.mv(mean) - sums.dz) / n);
    const auto type = weight.scalar_type();
    return {dWeight.to(type), dGamma, quadratic.to(type), constant.to(type)};
  }
};

}  // namespace

at::Tensor rowsOf(const at::Tensor& x) { return x.permute({0, 2, 3, 1}).reshape({-1, x.size(1)}); }

at::Tensor picturesOf(const at::Tensor& rows, const at::Tensor& like) {
  return rows.view({like.size(0), like.size(2), like.size(3), rows.size(1)}).permute({0, 3, 1, 2});
}

at::Tensor crossProduct(const at::Tensor& a, const at::Tensor& b, at::ScalarType type) {
  if (a.scalar_type() == type) return at::mm(a.t(), b);
  if (a.is_cuda()) return at::mm(a.t(), b, type);
  return at::mm(a.to(type).t(), b.to(type));
}

Moments momentsOf(const at::Tensor& rows, at::ScalarType type) {
  // The difference needs every digit of both.
  const at::NoTF32Guard noTf32;
  const auto mean = rows.mean(0, /*keepdim=*/false, type);
  const auto product = crossProduct(rows, rows, type);
  return {mean, at::addr(product, mean, mean, 1.0 / static_cast<double>(rows.size(0)), -1)};
}

at::Tensor convolve(const Folded& folded, const at::Tensor& x, Epilogue epilogue,
                    const at::Tensor& residual) {
  const auto& [weight, shift, inverseStd, weightedCovariance] = folded;
  if (epilogue == Epilogue::kAddRelu && usesCudnn(x)) {
    return at::cudnn_convolution_add_relu(x, weight.view({weight.size(0), weight.size(1), 1, 1}),
                                          residual, /*alpha=*/1, shift, /*stride=*/{1, 1},
                                          /*padding=*/{0, 0}, /*dilation=*/{1, 1}, /*groups=*/1);
  }
  const auto rows = rowsOf(x);
  if (epilogue == Epilogue::kRelu) {
    return picturesOf(at::_addmm_activation(shift, rows, weight.t()), x);
  }
  const auto y = picturesOf(at::addmm(shift, rows, weight.t()), x);
  return epilogue == Epilogue::kNone ? y : y.add_(residual).relu_();
}

}  // namespace pointwise

bool asksForPointwiseBatchNorm() {
  const char* choice = std::getenv("MOCO_POINTWISE_BATCH_NORM");
  return choice != nullptr && std::string_view(choice) == "1";
}

bool fitsPointwiseBatchNorm(const at::Tensor& weight, int64_t stride, const BatchNormState& state) {
  return weight.size(2) == 1 && weight.size(3) == 1 && stride == 1 &&
         weight.size(1) < weight.size(0) && state.training && state.groups == 1;
}

Twins pointwiseConvolutionBatchNorm(const at::Tensor& x, const at::Tensor& weight,
                                    const BatchNormState& state, Epilogue epilogue,
                                    const at::Tensor& residual) {
  TORCH_CHECK(x.dim() == 4 && weight.dim() == 4 && weight.size(1) == x.size(1) &&
                  weight.size(2) == 1 && weight.size(3) == 1,
              "a 1×1 convolution of ", x.sizes(), " with a kernel of ", weight.sizes());
  TORCH_CHECK(state.training && state.groups == 1,
              "BatchNorm by algebra is for training, with one group");
#ifdef MOCO_CUDA_KERNELS
  if (x.is_cuda() && useCudaKernels() && fitsCudaPointwiseBatchNorm(x, state)) {
    return cudaPointwiseBatchNorm(x, weight, state, epilogue, residual);
  }
#endif
  using pointwise::Function, pointwise::PlainSteps;
  return Function<PlainSteps>::of(x, weight, state, epilogue, residual);
}

}  // namespace moco
