#include "core/optimise/learning_rate_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/base/error.h"

namespace moco {
namespace {

constexpr double kReferenceBatch = 256;  // pictures, of which a rate that is scaled is meant
constexpr double kCycleStart = 1.0 / 25;

/// From `from` to `to` along half a cosine.
/// @param progress  from 0 to 1
double alongCosine(double from, double to, double progress) {
  return to + (from - to) * (1 + std::cos(std::numbers::pi * progress)) / 2;
}

double scaleOf(const std::string& name, int64_t pictures) {
  const double ratio = static_cast<double>(pictures) / kReferenceBatch;
  if (name == "none") return 1;
  if (name == "linear") return ratio;
  if (name == "sqrt") return std::sqrt(ratio);
  throw Error("ERR_MOCO_CONFIG", "scaleLearningRate: there is no \"" + name + "\"",
              "Choose none, linear or sqrt.");
}

}  // namespace

LearningRateSchedule::LearningRateSchedule(const OptimiserSettings& settings, int64_t pictures,
                                           const RunLength& run)
    : settings_(settings.schedule),
      kind_(kindNamed(settings_.schedule)),
      highest_(settings.learningRate * scaleOf(settings_.scaleLearningRate, pictures)),
      stepsPerEpoch_(static_cast<double>(run.stepsPerEpoch)),
      steps_(static_cast<double>(run.steps)),
      warmupSteps_(settings_.warmupEpochs * stepsPerEpoch_) {}

LearningRateSchedule::Kind LearningRateSchedule::kindNamed(const std::string& name) {
  if (name == "constant") return Kind::kConstant;
  if (name == "step") return Kind::kStep;
  if (name == "cosine") return Kind::kCosine;
  if (name == "one-cycle") return Kind::kOneCycle;
  throw Error("ERR_MOCO_CONFIG", "schedule: there is no \"" + name + "\"",
              "Choose constant, step, cosine or one-cycle.");
}

double LearningRateSchedule::at(int64_t step) const {
  return highest_ * share(std::min(static_cast<double>(step), steps_ - 1));
}

double LearningRateSchedule::share(double step) const {
  if (step < warmupSteps_) return step / warmupSteps_;
  switch (kind_) {
    case Kind::kConstant:
      return 1;
    case Kind::kStep:
      return stepShare(step);
    case Kind::kCosine:
      return cosineShare(step);
    case Kind::kOneCycle:
      return oneCycleShare(step);
  }
  return 1;
}

double LearningRateSchedule::stepShare(double step) const {
  const auto over = std::count_if(settings_.stepEpochs.begin(), settings_.stepEpochs.end(),
                                  [&](double epoch) { return step >= epoch * stepsPerEpoch_; });
  return std::pow(settings_.stepFactor, static_cast<double>(over));
}

double LearningRateSchedule::cosineShare(double step) const {
  return alongCosine(1, settings_.finalLearningRate,
                     (step - warmupSteps_) / (steps_ - warmupSteps_));
}

double LearningRateSchedule::oneCycleShare(double step) const {
  const double peak = std::max(settings_.cyclePeak * steps_ - 1, 0.0);
  const double last = steps_ - 1;
  if (step < peak) return alongCosine(kCycleStart, 1, step / peak);
  if (last <= peak) return 1;
  return alongCosine(1, settings_.finalLearningRate, (step - peak) / (last - peak));
}

}  // namespace moco
