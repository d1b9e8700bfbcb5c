#pragma once

#include <ATen/core/grad_mode.h>
#include <ATen/record_function.h>
#include <torch/csrc/autograd/custom_function.h>

#include <optional>
#include <vector>

#include "core/ops/batch_norm.h"

namespace moco {

/// What the forward pass of BatchNorm in training returns.
struct BatchNormOutput {
  at::Tensor y;           // like x
  at::Tensor statistics;  // of the batch, in the form that the kernels' backward pass reads
  at::Tensor relu;  // with kAddRelu, whose ReLU depends on more than x: what tells where y > 0
};

/// What its backward pass reads.
struct BatchNormSaved {
  at::Tensor x, weight, bias, statistics, relu, counters;
  Epilogue epilogue;
};

struct BatchNormGradients {
  at::Tensor x, weight, bias;
  at::Tensor residual;  // only with kAddRelu
};

/// BatchNorm in training as a function of autograd's, which the kernels of one device compute.
/// @tparam Kernels  has two static functions,
///                  `BatchNormOutput forward(x, state, epilogue, residual)` and
///                  `BatchNormGradients backward(saved, dy, dyOther)`, where dy has the layout of
///                  x. dyOther is undefined, or a second gradient to be added to dy; only with
///                  kAddRelu
template <class Kernels>
class BatchNormFunction : public torch::autograd::Function<BatchNormFunction<Kernels>> {
 public:
  static Twins of(const at::Tensor& x, const BatchNormState& state, Epilogue epilogue,
                  const at::Tensor& residual) {
    // autograd takes no undefined tensor as an argument.
    const auto summand = residual.defined() ? std::optional(residual) : std::nullopt;
    const auto outputs =
        BatchNormFunction::apply(x, state.weight, state.bias, summand, state, epilogue);
    return {outputs.front(), outputs.back()};
  }

  /// Weight and bias, which `state` holds too, are arguments of their own because autograd only
  /// differentiates by arguments.
  static torch::autograd::tensor_list forward(torch::autograd::AutogradContext* context,
                                              const at::Tensor& x, const at::Tensor& weight,
                                              const at::Tensor& bias,
                                              const std::optional<at::Tensor>& residual,
                                              const BatchNormState& state, Epilogue epilogue) {
    const auto [y, statistics, relu] =
        Kernels::forward(x, state, epilogue, residual.value_or(at::Tensor()));
    context->saved_data["epilogue"] = static_cast<int64_t>(epilogue);
    context->save_for_backward({x, weight, bias, statistics, relu, state.counters});
    // An output without a reader has no gradient, which would otherwise be a tensor of zeros.
    context->set_materialize_grads(false);
    if (epilogue != Epilogue::kAddRelu) return {y};
    return {y, y.detach()};
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               const torch::autograd::tensor_list& gradients) {
    RECORD_FUNCTION("moco::batch_norm_backward", {});
    TORCH_CHECK(!at::GradMode::is_enabled(), "a BatchNorm of our own has no second derivative");
    const auto saved = context->get_saved_variables();
    std::vector<at::Tensor> defined;
    for (const auto& gradient : gradients) {
      if (!gradient.defined()) continue;
      defined.push_back(gradient.contiguous(channelRowLayout(saved[0])));
    }
    if (defined.empty()) return torch::autograd::tensor_list(6);
    defined.resize(2);
    const auto epilogue = static_cast<Epilogue>(context->saved_data["epilogue"].toInt());
    const auto [x, weight, bias, residual] =
        Kernels::backward({saved[0], saved[1], saved[2], saved[3], saved[4], saved[5], epilogue},
                          defined[0], defined[1]);
    return {x, weight, bias, residual, {}, {}};
  }
};

}  // namespace moco
