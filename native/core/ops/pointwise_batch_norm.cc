#include "core/ops/pointwise_batch_norm.h"

#include <ATen/Context.h>
#include <ATen/core/grad_mode.h>
#include <ATen/record_function.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cstdlib>
#include <optional>
#include <string_view>

namespace moco {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// (B, C, H, W) as (B·H·W, C): a view where x is channels last.
at::Tensor rowsOf(const at::Tensor& x) { return x.permute({0, 2, 3, 1}).reshape({-1, x.size(1)}); }

/// Rows (B·H·W, C) as (B, C, H, W), with the pictures of `like`: a view, channels last.
at::Tensor picturesOf(const at::Tensor& rows, const at::Tensor& like) {
  return rows.view({like.size(0), like.size(2), like.size(3), rows.size(1)}).permute({0, 3, 1, 2});
}

/// aᵀ b in a type that is at least as wide as theirs, without rounding to theirs in between.
at::Tensor crossProduct(const at::Tensor& a, const at::Tensor& b, at::ScalarType type) {
  if (a.scalar_type() == type) return at::mm(a.t(), b);
  if (a.is_cuda()) return at::mm(a.t(), b, type);
  return at::mm(a.to(type).t(), b.to(type));
}

/// Of the rows of the convolution's input.
struct Moments {
  at::Tensor mean;        // (K)
  at::Tensor covariance;  // (K, K)
};

Moments momentsOf(const at::Tensor& rows, at::ScalarType type) {
  // The difference needs every digit of both.
  const at::NoTF32Guard noTf32;
  const auto mean = rows.mean(0, /*keepdim=*/false, type);
  const auto product = crossProduct(rows, rows, type);
  return {mean, at::addr(product, mean, mean, 1.0 / static_cast<double>(rows.size(0)), -1)};
}

/// Convolution and BatchNorm as one convolution.
struct Folded {
  at::Tensor weight;  // Ŵ (C, K), in the type of the convolution
  at::Tensor shift;   // β − Ŵ μ, (C), in the same
  // What the backward pass needs besides:
  at::Tensor inverseStd;          // s (C)
  at::Tensor weightedCovariance;  // W Σ (C, K)
};

/// Moves the running statistics of y = W h towards the batch's.
/// @param weight  (C, K), in the type of the statistics
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

/// Computes the batch's statistics, and moves the running ones.
/// @param weight  (C, K), of any type
/// @param rows    how many rows the moments are of
Folded fold(const at::Tensor& weight, const Moments& moments, int64_t rows,
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

bool usesCudnn(const at::Tensor& x) {
  const auto& context = at::globalContext();
  // cuDNN's fused convolutions do not keep to deterministic algorithms where those are asked for.
  return x.is_cuda() && context.hasCuDNN() && context.userEnabledCuDNN() &&
         !context.deterministicCuDNN() && x.scalar_type() != at::kDouble;
}

/// The folded convolution with what follows it. On a GPU it is one kernel.
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

struct Gradients {
  at::Tensor x, weight, gamma, beta;
};

/// The gradients of a folded convolution.
/// @param rows, dz  (n, K) and (n, C), of the convolution's type
/// @param wide      its weight (C, K), in the type of the statistics
Gradients gradientsOf(const at::Tensor& rows, const at::Tensor& dz, const at::Tensor& wide,
                      const at::Tensor& gamma, const at::Tensor& mean, const Folded& folded) {
  const auto n = static_cast<double>(rows.size(0));
  const auto dBeta = dz.sum(0, /*keepdim=*/false, wide.scalar_type());
  const auto product = crossProduct(dz, rows, wide.scalar_type());
  const auto centred = at::addr(product, dBeta, mean, 1, -1);  // D
  const auto dGamma = (centred * wide).sum(1).mul_(folded.inverseStd);

  const auto scale = gamma * folded.inverseStd;
  const auto slope = dGamma * folded.inverseStd;
  const auto dWeight =
      (centred - folded.weightedCovariance * slope.unsqueeze(1)).mul_(scale.unsqueeze(1));

  const auto quadratic = wide.t().mm(wide * (scale * slope / n).unsqueeze(1));  // M
  // What is the same for all rows: M μ − Ŵᵀ dβ/n.
  const auto constant = wide.t().mv(scale * (slope * wide.mv(mean) - dBeta) / n);
  const auto type = rows.scalar_type();
  const auto dx = at::addmm(constant.to(type), rows, quadratic.to(type), 1, -1);
  return {dx.addmm_(dz, folded.weight), dWeight, dGamma, dBeta};
}

class PointwiseBatchNorm : public torch::autograd::Function<PointwiseBatchNorm> {
 public:
  /// γ and β, which `state` holds too, are arguments of their own because autograd only
  /// differentiates by arguments.
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& gamma, const at::Tensor& /*beta*/,
                            const std::optional<at::Tensor>& residual, const BatchNormState& state,
                            Epilogue epilogue) {
    RECORD_FUNCTION("moco::pointwise_batch_norm", {});
    const auto rows = rowsOf(x);
    const auto moments = momentsOf(rows, gamma.scalar_type());
    const auto folded = fold(rowsOf(weight), moments, rows.size(0), state);
    const auto y = convolve(folded, x, epilogue, residual.value_or(at::Tensor()));
    context->saved_data["hasResidual"] = residual.has_value();
    context->save_for_backward({x, weight, gamma, moments.mean, folded.weight, folded.inverseStd,
                                folded.weightedCovariance,
                                epilogue == Epilogue::kNone ? at::Tensor() : y});
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    RECORD_FUNCTION("moco::pointwise_batch_norm_backward", {});
    TORCH_CHECK(!at::GradMode::is_enabled(), "a BatchNorm of our own has no second derivative");
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], &gamma = saved[2], &y = saved[7];
    const Folded folded{saved[4], {}, saved[5], saved[6]};

    const auto dy = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    const auto dz = y.defined() ? at::threshold_backward(dy, y, 0) : dy;
    const auto wide = rowsOf(weight).to(gamma.scalar_type());
    const auto [dx, dWeight, dGamma, dBeta] =
        gradientsOf(rowsOf(x), rowsOf(dz), wide, gamma, saved[3], folded);
    const bool hasResidual = context->saved_data["hasResidual"].toBool();
    return {picturesOf(dx, x),
            picturesOf(dWeight.to(weight.scalar_type()), weight),
            dGamma,
            dBeta,
            hasResidual ? dz : at::Tensor(),
            {},
            {}};
  }
};

}  // namespace

bool asksForPointwiseBatchNorm() {
  const char* choice = std::getenv("MOCO_POINTWISE_BATCH_NORM");
  return choice != nullptr && std::string_view(choice) == "1";
}

bool fitsPointwiseBatchNorm(const at::Tensor& weight, int64_t stride, const BatchNormState& state) {
  return weight.size(2) == 1 && weight.size(3) == 1 && stride == 1 &&
         weight.size(1) < weight.size(0) && state.training && state.groups == 1;
}

at::Tensor pointwiseConvolutionBatchNorm(const at::Tensor& x, const at::Tensor& weight,
                                         const BatchNormState& state, Epilogue epilogue,
                                         const at::Tensor& residual) {
  TORCH_CHECK(x.dim() == 4 && weight.dim() == 4 && weight.size(1) == x.size(1) &&
                  weight.size(2) == 1 && weight.size(3) == 1,
              "a 1×1 convolution of ", x.sizes(), " with a kernel of ", weight.sizes());
  TORCH_CHECK(state.training && state.groups == 1,
              "BatchNorm by algebra is for training, with one group");
  // autograd takes no undefined tensor as an argument.
  const auto summand = epilogue == Epilogue::kAddRelu ? std::optional(residual) : std::nullopt;
  return PointwiseBatchNorm::apply(x, weight, state.weight, state.bias, summand, state, epilogue);
}

}  // namespace moco
