#include "core/optimise/lars.h"

#include <ATen/core/grad_mode.h>

namespace moco {

Lars::Lars(const NamedTensors& parameters, const LarsOptions& options)
    : options_(options),
      parameters_(parameters.flat()),
      velocity_(at::zeros_like(parameters.flat())) {
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (!options.decayNormAndBias && isNormOrBias(parameters[i])) continue;
    adapted_.push_back(pieceOf(parameters, i));
  }
}

std::vector<at::Tensor> Lars::ratios(const at::Tensor& gradient, const LearningRate& rate) const {
  const auto weights = at::stack(at::_foreach_norm(cut(parameters_, adapted_)));
  const auto gradients = at::stack(at::_foreach_norm(cut(gradient, adapted_)));
  auto ratio = options_.trustCoefficient * weights / (gradients + options_.weightDecay * weights);
  ratio = at::where(weights.gt(0).logical_and(gradients.gt(0)), ratio, 1);
  if (options_.trustClip) {
    withRate(rate, [&](const auto& learningRate) { ratio = (ratio / learningRate).clamp_max(1); });
  }
  return ratio.unbind();
}

void Lars::apply(const at::Tensor& gradient, const LearningRate& rate) {
  const at::NoGradGuard noGrad;
  at::Tensor update = gradient.clone();
  const auto adapted = cut(update, adapted_);
  at::_foreach_add_(adapted, cut(parameters_, adapted_), options_.weightDecay);
  at::_foreach_mul_(adapted, ratios(gradient, rate));
  velocity_.mul_(options_.momentum).add_(update);
  if (options_.nesterov) update.add_(velocity_, options_.momentum);
  const at::Tensor& direction = options_.nesterov ? update : velocity_;
  if (rate.onDevice.defined()) {
    parameters_.addcmul_(direction, rate.onDevice, -1);
  } else {
    parameters_.add_(direction, -rate.value);
  }
}

}  // namespace moco
