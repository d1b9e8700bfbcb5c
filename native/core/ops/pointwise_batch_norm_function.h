#pragma once

#include <ATen/core/grad_mode.h>
#include <ATen/record_function.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "core/ops/batch_norm.h"

namespace moco::pointwise {

// BatchNorm by algebra (pointwise_batch_norm.h, where the letters stand) as a function of
// autograd's. Activations are rows here, (n, channels), and weights are (C, K).

/// Of the rows of the convolution's input, in the type of the statistics.
struct Moments {
  at::Tensor mean;        // μ (K)
  at::Tensor covariance;  // Σ (K, K)
};

/// Convolution and BatchNorm as one convolution.
struct Folded {
  at::Tensor weight;  // Ŵ (C, K), in the type of the convolution
  at::Tensor shift;   // β − Ŵ μ (C), in the same
  // For the backward pass, in the type of the statistics:
  at::Tensor inverseStd;          // s (C)
  at::Tensor weightedCovariance;  // W Σ (C, K)
};

/// What the backward pass reads of the forward pass.
struct Saved {
  at::Tensor weight;  // W, in the type of the convolution
  at::Tensor gamma, mean, inverseStd, weightedCovariance;
};

/// Sums over the rows of the gradient, in the type of the statistics.
struct GradientSums {
  int64_t rows;        // n
  at::Tensor dz;       // Σ dz (C), which is dβ
  at::Tensor product;  // Σ dz hᵀ (C, K)
};

struct Gradients {
  at::Tensor weight;  // (C, K), in the type of the convolution
  at::Tensor gamma;   // (C)
  // The part of the gradient by h that comes from the statistics is constant − h · quadratic, both
  // in the type of the convolution.
  at::Tensor quadratic;  // M (K, K)
  at::Tensor constant;   // M μ − Ŵᵀ dβ/n (K)
};

/// (B, C, H, W) as (B·H·W, C): a view where x is channels last.
at::Tensor rowsOf(const at::Tensor& x);
/// Rows (B·H·W, C) as (B, C, H, W), with the pictures of `like`: a view, channels last.
at::Tensor picturesOf(const at::Tensor& rows, const at::Tensor& like);
/// aᵀ b in a type that is at least as wide as theirs, without rounding to theirs in between.
at::Tensor crossProduct(const at::Tensor& a, const at::Tensor& b, at::ScalarType type);
Moments momentsOf(const at::Tensor& rows, at::ScalarType type);
/// The folded convolution with what follows it. On a GPU it is one kernel.
/// @param x  (B, K, H, W)
at::Tensor convolve(const Folded& folded, const at::Tensor& x, Epilogue epilogue,
                    const at::Tensor& residual);

/// @tparam Steps  has three static functions for what lies between the products of activations:
///                `Folded fold(weight, moments, rows, state)`, which moves the running statistics;
///                `at::Tensor reluGradient(dy, dyOther, y)`, the gradient by what a ReLU got, where
///                dyOther may be undefined and all lie in memory alike; and
///                `Gradients differentiate(saved, sums)`
template <class Steps>
class Function : public torch::autograd::Function<Function<Steps>> {
 public:
  static Twins of(const at::Tensor& x, const at::Tensor& weight, const BatchNormState& state,
                  Epilogue epilogue, const at::Tensor& residual) {
    // autograd takes no undefined tensor as an argument.
    const auto summand = epilogue == Epilogue::kAddRelu ? std::optional(residual) : std::nullopt;
    const auto outputs =
        Function::apply(x, weight, state.weight, state.bias, summand, state, epilogue);
    return {outputs.front(), outputs.back()};
  }

  /// γ and β, which `state` holds too, are arguments of their own because autograd only
  /// differentiates by arguments.
  static torch::autograd::tensor_list forward(torch::autograd::AutogradContext* context,
                                              const at::Tensor& x, const at::Tensor& weight,
                                              const at::Tensor& gamma, const at::Tensor& /*beta*/,
                                              const std::optional<at::Tensor>& residual,
                                              const BatchNormState& state, Epilogue epilogue) {
    RECORD_FUNCTION("moco::pointwise_batch_norm", {});
    const auto rows = rowsOf(x);
    const auto moments = momentsOf(rows, gamma.scalar_type());
    const auto folded = Steps::fold(rowsOf(weight), moments, rows.size(0), state);
    const auto y = convolve(folded, x, epilogue, residual.value_or(at::Tensor()));
    context->saved_data["hasResidual"] = residual.has_value();
    context->save_for_backward({x, weight, gamma, moments.mean, folded.inverseStd,
                                folded.weightedCovariance, folded.weight,
                                epilogue == Epilogue::kNone ? at::Tensor() : y});
    // An output without a reader has no gradient, which would otherwise be a tensor of zeros.
    context->set_materialize_grads(false);
    if (epilogue != Epilogue::kAddRelu) return {y};
    return {y, y.detach()};
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               const torch::autograd::tensor_list& gradients) {
    RECORD_FUNCTION("moco::pointwise_batch_norm_backward", {});
    TORCH_CHECK(!at::GradMode::is_enabled(), "a BatchNorm of our own has no second derivative");
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], &foldedWeight = saved[6], &y = saved[7];
    std::vector<at::Tensor> defined;
    for (const auto& gradient : gradients) {
      if (!gradient.defined()) continue;
      defined.push_back(gradient.contiguous(at::MemoryFormat::ChannelsLast));
    }
    if (defined.empty()) return torch::autograd::tensor_list(7);
    defined.resize(2);
    const auto dz = y.defined() ? Steps::reluGradient(defined[0], defined[1], y) : defined[0];

    const auto inRows = rowsOf(x), outRows = rowsOf(dz);
    const Saved layer{rowsOf(weight), saved[2], saved[3], saved[4], saved[5]};
    const auto type = layer.mean.scalar_type();
    const GradientSums sums{inRows.size(0), outRows.sum(0, /*keepdim=*/false, type),
                            crossProduct(outRows, inRows, type)};
    const auto own = Steps::differentiate(layer, sums);
    const auto dx =
        at::addmm(own.constant, inRows, own.quadratic, 1, -1).addmm_(outRows, foldedWeight);
    const bool hasResidual = context->saved_data["hasResidual"].toBool();
    return {picturesOf(dx, x),
            picturesOf(own.weight, weight),
            own.gamma,
            sums.dz,
            hasResidual ? dz : at::Tensor(),
            {},
            {}};
  }
};

}  // namespace moco::pointwise
