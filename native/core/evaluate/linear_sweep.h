#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/evaluate/frozen_backbone.h"
#include "core/evaluate/linear_metrics.h"
#include "core/input/image_store.h"

namespace moco {

struct SweepOptions {
  std::vector<double> learningRates;
  int64_t batchSize;
  int64_t epochs;
  double weightDecay;
};

/// One learning rate of a sweep, after its last epoch.
struct SweepResult {
  double learningRate;
  LinearMetrics train;
  std::optional<LinearMetrics> validation;
  LinearMetrics test;
};

/// Linear probes of several learning rates, trained side by side on features that are extracted
/// once: test view, evaluation mode. Quick, for monitoring; not the reference's protocol, whose
/// features are of training views and of moving statistics.
/// @param validation  null: none
/// @return            one result per learning rate, in order
/// @throws Error ERR_MOCO_NON_FINITE  where a loss is not finite
/// @throws Error ERR_MOCO_ABORTED     soon after `stop` is set
std::vector<SweepResult> sweepLinear(FrozenBackbone& backbone, const ImageStore& train,
                                     const ImageStore* validation, const ImageStore& test,
                                     const SweepOptions& options, uint64_t seed,
                                     const std::atomic<bool>& stop);

}  // namespace moco
