#include "core/ops/adam.h"

#include <ATen/core/grad_mode.h>

#include <utility>

namespace moco {

Adam::Adam(at::Tensor parameters, const AdamOptions& options)
    : options_(options),
      parameters_(std::move(parameters)),
      firstMoment_(at::zeros_like(parameters_)),
      secondMoment_(at::zeros_like(parameters_)),
      steps_(at::zeros({}, parameters_.options().dtype(at::kFloat))) {}

void Adam::step(const at::Tensor& gradient) {
  const at::NoGradGuard noGrad;
  steps_.add_(1);
  at::_fused_adam_({parameters_}, {gradient}, {firstMoment_}, {secondMoment_},
                   /*max_exp_avg_sqs=*/{}, {steps_}, options_.learningRate, options_.beta1,
                   options_.beta2, options_.weightDecay, options_.eps, /*amsgrad=*/false,
                   /*maximize=*/false);
}

}  // namespace moco
