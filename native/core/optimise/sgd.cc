#include "core/optimise/sgd.h"

#include <ATen/core/grad_mode.h>

namespace moco {

Sgd::Sgd(const at::Tensor& parameters, const SgdOptions& options,
         const std::vector<ParameterGroup>& groups)
    : options_(options), velocity_(at::zeros_like(parameters)) {
  const bool hasVelocity = options.momentum > 0;  // else the fused kernel must not be given one
  for (const auto& [decays, pieces] : groups) {
    groups_.push_back({.weightDecay = decays ? options.weightDecay : 0,
                       .pieces = pieces,
                       .parameters = cut(parameters, pieces),
                       .velocities = cut(velocity_, hasVelocity ? pieces : std::vector<Piece>())});
  }
}

void Sgd::apply(const at::Tensor& gradient, const LearningRate& rate) {
  const at::NoGradGuard noGrad;
  for (const auto& group : groups_) {
    const auto gradients = cut(gradient, group.pieces);
    withRate(rate, [&](const auto& learningRate) {
      // A velocity that begins with zeros makes the first step like any other.
      at::_fused_sgd_(group.parameters, gradients, group.velocities, group.weightDecay,
                      options_.momentum, learningRate, /*dampening=*/0, options_.nesterov,
                      /*maximize=*/false, /*is_first_step=*/false);
    });
  }
}

}  // namespace moco
