#include "core/optimise/adam.h"

#include <ATen/core/grad_mode.h>

namespace moco {
namespace {

std::vector<ParameterGroup> oneGroup(const at::Tensor& parameters) {
  return {{true, {{0, parameters.numel()}}}};
}

}  // namespace

Adam::Adam(const at::Tensor& parameters, const AdamOptions& options)
    : Adam(parameters.view(-1), options, oneGroup(parameters)) {}

Adam::Adam(const at::Tensor& parameters, const AdamOptions& options,
           const std::vector<ParameterGroup>& groups)
    : options_(options),
      firstMoment_(at::zeros_like(parameters)),
      secondMoment_(at::zeros_like(parameters)),
      steps_(at::zeros({}, parameters.options().dtype(at::kFloat))) {
  for (const auto& [decays, pieces] : groups) {
    groups_.push_back({.weightDecay = decays ? options.weightDecay : 0,
                       .pieces = pieces,
                       .parameters = cut(parameters, pieces),
                       .firstMoments = cut(firstMoment_, pieces),
                       .secondMoments = cut(secondMoment_, pieces),
                       .steps = std::vector<at::Tensor>(pieces.size(), steps_)});
  }
}

void Adam::apply(const at::Tensor& gradient, const LearningRate& rate) {
  const at::NoGradGuard noGrad;
  steps_.add_(1);
  for (const auto& group : groups_) {
    const auto gradients = cut(gradient.view(-1), group.pieces);
    const auto call = [&](const auto& fused, const auto& learningRate) {
      fused(group.parameters, gradients, group.firstMoments, group.secondMoments,
            /*max_exp_avg_sqs=*/at::TensorList(), group.steps, learningRate, options_.beta1,
            options_.beta2, group.weightDecay, options_.eps, /*amsgrad=*/false,
            /*maximize=*/false);
    };
    withRate(rate, [&](const auto& learningRate) {
      if (options_.isDecoupled) {
        call([](const auto&... of) { at::_fused_adamw_(of...); }, learningRate);
      } else {
        call([](const auto&... of) { at::_fused_adam_(of...); }, learningRate);
      }
    });
  }
}

std::vector<UpdateRule::Buffer> Adam::buffers() const {
  return {{"first_moment", firstMoment_}, {"second_moment", secondMoment_}};
}

}  // namespace moco
