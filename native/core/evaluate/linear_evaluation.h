#pragma once

#include <ATen/ATen.h>

#include <atomic>
#include <cstdint>

#include "core/evaluate/frozen_backbone.h"
#include "core/evaluate/linear_metrics.h"
#include "core/evaluate/linear_probes.h"
#include "core/files/state_dict.h"
#include "core/input/image_store.h"
#include "core/model/encoder.h"

namespace moco {

struct LinearOptions {
  int64_t batchSize;
  double learningRate;
  double weightDecay;
  /// false: BatchNorm takes the batch's statistics and its running ones move, as in the reference,
  /// which has the whole network in training mode. true: evaluation mode, as official MoCo.
  bool frozenBatchNorm;
};

/// The reference's linear evaluation: a classifier trained on the features, not normalised, of a
/// frozen backbone.
class LinearEvaluation {
 public:
  /// @param encoder        stays as it is: the statistics that move are a copy
  /// @param normalisation  on the encoder's device
  LinearEvaluation(const Encoder& encoder, const Normalisation& normalisation, int64_t classes,
                   const LinearOptions& options, uint64_t seed);
  LinearEvaluation(const LinearEvaluation&) = delete;
  LinearEvaluation& operator=(const LinearEvaluation&) = delete;

  FrozenBackbone& backbone() { return backbone_; }
  const Encoder& encoder() const { return encoder_; }
  const LinearProbes& classifier() const { return classifier_; }

  /// Trains on one batch.
  /// @param input   (B, 3, H, W), as the encoder takes it
  /// @param labels  (B) int64
  /// @return        before the update
  /// @throws Error ERR_MOCO_NON_FINITE  where the loss or the statistics are not finite; classifier
  /// and statistics stay as they were
  LinearTally step(const at::Tensor& input, const at::Tensor& labels);

  /// In evaluation mode, of the pictures as they are.
  /// @throws Error ERR_MOCO_NON_FINITE  where the loss is not finite
  /// @throws Error ERR_MOCO_ABORTED     soon after `stop` is set
  LinearMetrics measure(const ImageStore& store, const std::atomic<bool>& stop);

  /// Backbone (`f.…`) and classifier (`fc.weight`, `fc.bias`): the reference's linear model.
  StateDict stateDict() const;

 private:
  Encoder encoder_;
  FrozenBackbone backbone_;
  Mode mode_;  // while training
  LinearProbes classifier_;
};

}  // namespace moco
