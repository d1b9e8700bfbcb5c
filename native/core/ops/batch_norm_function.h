#pragma once

#include <ATen/core/grad_mode.h>
#include <ATen/record_function.h>
#include <torch/csrc/autograd/custom_function.h>

#include <optional>

#include "core/ops/batch_norm.h"

namespace moco {

/// What the forward pass of BatchNorm in training gives.
struct BatchNormOutput {
  at::Tensor y;           // like x
  at::Tensor statistics;  // of the batch, as the kernels' backward pass wants them
};

/// What its backward pass reads.
struct BatchNormSaved {
  at::Tensor x, weight, bias, statistics;
  at::Tensor y;  // with kAddRelu, whose mask x alone does not tell
  Epilogue epilogue;
};

struct BatchNormGradients {
  at::Tensor x, weight, bias;
  at::Tensor residual;  // with kAddRelu
};

/// BatchNorm in training for autograd, by the kernels of one device.
/// @tparam Kernels  has, static,
///                  `BatchNormOutput forward(x, state, epilogue, residual)` and
///                  `BatchNormGradients backward(saved, dy)`, with dy in x's layout
template <class Kernels>
class BatchNormFunction : public torch::autograd::Function<BatchNormFunction<Kernels>> {
 public:
  static at::Tensor of(const at::Tensor& x, const BatchNormState& state, Epilogue epilogue,
                       const at::Tensor& residual) {
    // An argument that is a tensor must be a defined one.
    const auto summand = residual.defined() ? std::optional(residual) : std::nullopt;
    return BatchNormFunction::apply(x, state.weight, state.bias, summand, state, epilogue);
  }

  /// The parameters, which `state` has, too, are arguments for autograd to see.
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
