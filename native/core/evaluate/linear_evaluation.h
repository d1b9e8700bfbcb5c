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

/// How the classifier of a linear evaluation is trained.
struct LinearSettings {
  int64_t batchSize;
  AdamOptions adam;
  /// true: BatchNorm is in evaluation mode while the classifier trains, as in the official MoCo.
  /// false: it normalises with the batch's statistics and moves the running ones, as in the
  /// reference, where the whole network is in training mode.
  bool frozenBn;

  /// Calls `visit(name, value)` for every setting.
  template <class Visit>
  void each(Visit&& visit) {
    visit("batchSize", batchSize);
    adam.each(visit);
    visit("frozenBn", frozenBn);
  }
};

/// The reference's linear evaluation: it trains a linear classifier on the features of a frozen
/// backbone, which are not normalised.
class LinearEvaluation {
 public:
  /// @param encoder  is not changed: the statistics that move are a copy
  /// @param view     what it is measured with; its normalisation is on the encoder's device
  LinearEvaluation(const Encoder& encoder, const TestView& view, int64_t classes,
                   const LinearSettings& settings, uint64_t seed);
  LinearEvaluation(const LinearEvaluation&) = delete;
  LinearEvaluation& operator=(const LinearEvaluation&) = delete;

  FrozenBackbone& backbone() { return backbone_; }
  const Encoder& encoder() const { return encoder_; }
  const LinearProbes& classifier() const { return classifier_; }

  /// Trains on one batch.
  /// @param input   (B, 3, H, W), channels last, normalised, of the encoder's compute type
  /// @param labels  (B) int64
  /// @return        loss and hits of the batch, from before the update
  /// @throws Error ERR_MOCO_NON_FINITE  if the loss or the statistics are not finite; the
  ///                                    classifier and the statistics then stay as they were
  LinearTally step(const at::Tensor& input, const at::Tensor& labels);

  /// Loss and accuracy on a whole store, in evaluation mode and without augmentation.
  /// @throws Error ERR_MOCO_NON_FINITE  if the loss is not finite
  /// @throws Error ERR_MOCO_ABORTED     soon after `stop` is set
  LinearMetrics measure(const ImageStore& store, const std::atomic<bool>& stop);

  /// Backbone (`f.…`) and classifier (`fc.weight`, `fc.bias`), named as in the reference's model of
  /// its linear evaluation.
  StateDict stateDict() const;

 private:
  Encoder encoder_;
  FrozenBackbone backbone_;
  Mode mode_;  // of the backbone while the classifier trains
  LinearProbes classifier_;
};

}  // namespace moco
