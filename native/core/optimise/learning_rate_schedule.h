#pragma once

#include <cstdint>
#include <vector>

#include "core/optimise/optimiser_settings.h"

namespace moco {

/// How long a run is.
struct RunLength {
  int64_t stepsPerEpoch;
  int64_t steps;  // of the whole run
};

/// The learning rate of every step of a run. With the highest rate γ, the steps t = 0 … T − 1, of
/// which the first W are the warm-up, and a final share f:
///
///   warm-up    γ t / W                                               (Goyal et al. 2017, sec. 2.2)
///   constant   γ
///   step       γ · stepFactor for each of `stepEpochs` that is over
///   cosine     γ (f + (1 − f) (1 + cos(π (t − W) / (T − W))) / 2)    (Loshchilov & Hutter, ICLR
///              2017, eq. 5, with one restart)
///   one-cycle  from γ / 25 to γ at the step P = cyclePeak · T − 1, from there to γ f at the last
///              step, each along half a cosine                       (Smith & Topin 2018, as
///              PyTorch's OneCycleLR has it)
///
/// γ is `learningRate`, which can be scaled by the number b of pictures in a step: `linear` by
/// b / 256 (Goyal et al. 2017, sec. 2.1), `sqrt` by the root of that.
class LearningRateSchedule {
 public:
  /// @param pictures  in a step
  /// @throws Error ERR_MOCO_CONFIG  for a schedule or a scaling that does not exist
  LearningRateSchedule(const OptimiserSettings& settings, int64_t pictures, const RunLength& run);

  /// @param step  from 0; a step after the last one has the last one's rate
  double at(int64_t step) const;

 private:
  enum class Kind { kConstant, kStep, kCosine, kOneCycle };
  static Kind kindNamed(const std::string& name);
  /// The rate as a share of the highest.
  double share(double step) const;
  double stepShare(double step) const;
  double cosineShare(double step) const;
  double oneCycleShare(double step) const;

  ScheduleSettings settings_;
  Kind kind_;
  double highest_;
  double stepsPerEpoch_;
  double steps_;
  double warmupSteps_;
};

}  // namespace moco
