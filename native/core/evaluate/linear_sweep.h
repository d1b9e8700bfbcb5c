#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/evaluate/frozen_backbone.h"
#include "core/evaluate/linear_metrics.h"
#include "core/input/image_store.h"

namespace moco {

/// Which learning rates a sweep tries, and how it trains each of them.
struct SweepSettings {
  std::vector<double> learningRates;
  int64_t batchSize;
  int64_t epochs;
  double weightDecay;

  /// Calls `visit(name, value)` for every setting.
  template <class Visit>
  void each(Visit&& visit) {
    visit("learningRates", learningRates);
    visit("batchSize", batchSize);
    visit("epochs", epochs);
    visit("weightDecay", weightDecay);
  }
};

/// The metrics of one learning rate after the last epoch.
struct SweepResult {
  double learningRate;
  LinearMetrics train;
  std::optional<LinearMetrics> validation;
  LinearMetrics test;
};

/// Trains linear probes with several learning rates side by side, on features that are extracted
/// once, in evaluation mode and without augmentation. This is quick and meant for monitoring. The
/// reference's protocol is another one: it extracts features of augmented views anew in every
/// epoch, while BatchNorm's statistics move.
/// @param validation  null if there is none
/// @return            one result per learning rate, in order
/// @throws Error ERR_MOCO_NON_FINITE  if a loss is not finite
/// @throws Error ERR_MOCO_ABORTED     soon after `stop` is set
std::vector<SweepResult> sweepLinear(FrozenBackbone& backbone, const ImageStore& train,
                                     const ImageStore* validation, const ImageStore& test,
                                     const SweepSettings& settings, uint64_t seed,
                                     const std::atomic<bool>& stop);

}  // namespace moco
