#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace moco {

/// How the learning rate changes over the steps of a run; `LearningRateSchedule` has the formulas.
struct ScheduleSettings {
  std::string schedule = "constant";       // or `step`, `cosine`, `one-cycle`
  std::string scaleLearningRate = "none";  // by the pictures of a step: or `linear`, `sqrt`
  double warmupEpochs = 0;                 // in which the rate rises from 0, before the schedule
  std::vector<double> stepEpochs = {};     // of `step`: after which it is multiplied by stepFactor
  double stepFactor = 0.1;
  double finalLearningRate = 0;  // at the end of `cosine` and `one-cycle`: a share of the highest
  double cyclePeak = 0.3;        // of `one-cycle`: the share of the steps that lead to the peak

  /// Whether every step has the same rate.
  bool isConstant() const { return schedule == "constant" && warmupEpochs == 0; }

  /// Calls `visit(name, value)` for every setting.
  template <class Visit>
  void each(Visit&& visit) {
    visit("schedule", schedule);
    visit("scaleLearningRate", scaleLearningRate);
    visit("warmupEpochs", warmupEpochs);
    visit("stepEpochs", stepEpochs);
    visit("stepFactor", stepFactor);
    visit("finalLearningRate", finalLearningRate);
    visit("cyclePeak", cyclePeak);
  }
};

/// How parameters are updated by a gradient.
struct OptimiserSettings {
  std::string optimiser = "adam";  // or `adamw`, `sgd`, `lars`
  double learningRate;             // the highest
  double weightDecay;
  bool decayNormAndBias = true;    // false: BatchNorm's parameters and biases have no weight decay
  double optimiserMomentum = 0.9;  // of `sgd` and `lars`
  bool nesterov = false;           // of those, too
  double beta1 = 0.9;              // of `adam` and `adamw`
  double beta2 = 0.999;
  double trustCoefficient = 0.001;  // of `lars`: η
  bool trustClip = false;           // of `lars`: no layer's rate is above the learning rate
  double gradientClip = 0;          // the largest L2 norm of the whole gradient; 0: any
  ScheduleSettings schedule = {};

  /// Calls `visit(name, value)` for every setting.
  template <class Visit>
  void each(Visit&& visit) {
    visit("optimiser", optimiser);
    visit("learningRate", learningRate);
    visit("weightDecay", weightDecay);
    visit("decayNormAndBias", decayNormAndBias);
    visit("optimiserMomentum", optimiserMomentum);
    visit("nesterov", nesterov);
    visit("beta1", beta1);
    visit("beta2", beta2);
    visit("trustCoefficient", trustCoefficient);
    visit("trustClip", trustClip);
    visit("gradientClip", gradientClip);
    schedule.each(visit);
  }
};

}  // namespace moco
