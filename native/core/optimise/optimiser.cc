#include "core/optimise/optimiser.h"

#include <ATen/core/grad_mode.h>

#include "core/base/error.h"
#include "core/optimise/adam.h"
#include "core/optimise/lars.h"
#include "core/optimise/sgd.h"

namespace moco {
namespace {

/// Limits the L2 norm of a gradient, in place, as PyTorch's `clip_grad_norm_` does (Pascanu et al.,
/// ICML 2013, algorithm 1).
void clipNorm(const at::Tensor& gradient, double largest) {
  constexpr double kNorm = 1e-6;  // is added to the norm, which may be 0
  gradient.mul_((largest / (gradient.norm() + kNorm)).clamp_max(1));
}

Error unknownOptimiser(const std::string& name) {
  return {"ERR_MOCO_CONFIG", "optimiser: there is no \"" + name + "\"",
          "Choose adam, adamw, sgd or lars."};
}

/// Where recorded work reads a rate that changes. On a CPU, where nothing is recorded, the number
/// itself is taken, in full precision.
LearningRate firstRate(const NamedTensors& parameters, const OptimiserSettings& settings) {
  const double rate = settings.learningRate;
  const auto options = parameters.flat().options();
  if (options.device().is_cpu() || settings.schedule.isConstant()) return {rate};
  return {rate, at::full({}, rate, options.dtype(at::kFloat))};
}

}  // namespace

std::unique_ptr<UpdateRule> updateRule(const NamedTensors& parameters,
                                       const OptimiserSettings& settings) {
  const std::string& name = settings.optimiser;
  if (name == "lars") {
    return std::make_unique<Lars>(parameters,
                                  LarsOptions{.momentum = settings.optimiserMomentum,
                                              .nesterov = settings.nesterov,
                                              .weightDecay = settings.weightDecay,
                                              .trustCoefficient = settings.trustCoefficient,
                                              .trustClip = settings.trustClip,
                                              .decayNormAndBias = settings.decayNormAndBias});
  }
  const auto groups = parameterGroups(parameters, settings.decayNormAndBias);
  if (name == "sgd") {
    return std::make_unique<Sgd>(parameters.flat(),
                                 SgdOptions{.momentum = settings.optimiserMomentum,
                                            .nesterov = settings.nesterov,
                                            .weightDecay = settings.weightDecay},
                                 groups);
  }
  if (name != "adam" && name != "adamw") throw unknownOptimiser(name);
  return std::make_unique<Adam>(parameters.flat(),
                                AdamOptions{.learningRate = settings.learningRate,
                                            .weightDecay = settings.weightDecay,
                                            .beta1 = settings.beta1,
                                            .beta2 = settings.beta2,
                                            .isDecoupled = name == "adamw"},
                                groups);
}

int64_t numbersPerParameter(const std::string& name) {
  if (name == "adam" || name == "adamw") return 2;
  if (name == "sgd" || name == "lars") return 1;
  throw unknownOptimiser(name);
}

Optimiser::Optimiser(const NamedTensors& parameters, const OptimiserSettings& settings)
    : settings_(settings),
      parameters_(parameters),
      rule_(updateRule(parameters, settings)),
      rate_(firstRate(parameters, settings)) {}

void Optimiser::setLearningRate(double rate) {
  if (rate == rate_.value) return;
  TORCH_CHECK(!hasStepped_ || !settings_.schedule.isConstant(), "the learning rate is constant");
  rate_.value = rate;
  if (rate_.onDevice.defined()) rate_.onDevice.fill_(rate);
}

void Optimiser::step(const at::Tensor& gradient) {
  const at::NoGradGuard noGrad;
  hasStepped_ = true;
  if (settings_.gradientClip > 0) clipNorm(gradient, settings_.gradientClip);
  rule_->apply(gradient, rate_);
}

StateDict Optimiser::state() const {
  StateDict state;
  for (const auto& [name, values] : rule_->buffers()) {
    append(state, name + ".", parameters_.over(values).state());
  }
  append(state, "", rule_->counters());
  return state;
}

void Optimiser::restore(const StateDict& state) {
  const at::NoGradGuard noGrad;
  for (const auto& [name, values] : rule_->buffers()) {
    parameters_.over(values).restore(section(state, name + "."));
  }
  const StateLookup lookup(state);
  for (const auto& [name, counter] : rule_->counters()) counter.copy_(lookup.get(name, {}));
}

}  // namespace moco
