#pragma once

#include <ATen/core/grad_mode.h>
#include <ATen/record_function.h>
#include <torch/csrc/autograd/custom_function.h>

#include <optional>

#include "core/ops/batch_norm.h"

namespace moco {

/// What the forward pass of BatchNorm in training returns.
struct BatchNormOutput {
  at::Tensor y;           // like x
  at::Tensor statistics;  // of the batch, in the form that the kernels' backward pass reads
};

/// What its backward pass reads.
struct BatchNormSaved {
  at::Tensor x, weight, bias, statistics;
  at::Tensor y;  // only with kAddRelu, whose ReLU depends on more than x
  Epilogue epilogue;
};

struct BatchNormGradients {
  at::Tensor x, weight, bias;
  at::Tensor residual;  // only with kAddRelu
};

/// BatchNorm in training as a function of autograd's, which the kernels of one device compute.
/// @tparam Kernels  has two static functions,
///                  `BatchNormOutput forward(x, state, epilogue, residual)` and
///                  `BatchNormGradients backward(saved, dy)`, where dy has the layout of x
template <class Kernels>
class BatchNormFunction : public torch::autograd::Function<BatchNormFunction<Kernels>> {
 public:
  static at::Tensor of(const at::Tensor& x, const BatchNormState& state, Epilogue epilogue,
                       const at::Tensor& residual) {
    // autograd takes no undefined tensor as an argument.
    const auto summand = residual.defined() ? std::optional(residual) : std::nullopt;
    return BatchNormFunction::apply(x, state.weight, state.bias, summand, state, epilogue);
  }

  /// Weight and bias, which `state` holds too, are arguments of their own because autograd only
  /// differentiates by arguments.
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& weight, const at::Tensor& bias,
                            const std::optional<at::Tensor>& residual, const BatchNormState& state,
                            Epilogue epilogue) {
    const auto [y, statistics] =
        Kernels::forward(x, state, epilogue, residual.value_or(at::Tensor()));
    context->saved_data["epilogue"] = static_cast<int64_t>(epilogue);
    const bool needsOutput = epilogue == Epilogue::kAddRelu;
    context->save_for_backward({x, weight, bias, statistics, needsOutput ? y : at::Tensor()});
    return y;
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               const torch::autograd::tensor_list& gradients) {
    RECORD_FUNCTION("moco::batch_norm_backward", {});
    TORCH_CHECK(!at::GradMode::is_enabled(), "a BatchNorm of our own has no second derivative");
    const auto saved = context->get_saved_variables();
    const auto epilogue = static_cast<Epilogue>(context->saved_data["epilogue"].toInt());
    const auto [x, weight, bias, residual] =
        Kernels::backward({saved[0], saved[1], saved[2], saved[3], saved[4], epilogue},
                          gradients[0].contiguous(channelRowLayout(saved[0])));
    return {x, weight, bias, residual, {}, {}};
  }
};

}  // namespace moco
