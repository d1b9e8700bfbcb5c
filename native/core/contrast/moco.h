#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "core/contrast/info_nce.h"
#include "core/contrast/key_queue.h"
#include "core/files/state_dict.h"
#include "core/model/encoder.h"
#include "core/ops/adam.h"

namespace moco {

struct MocoOptions {
  EncoderOptions encoder;
  int64_t queueLength;
  double temperature;
  double momentum;
  AdamOptions adam;
  uint64_t seed;
};

/// What a step trains on: two views each of B pictures, drawn independently of each other.
struct Views {
  at::Tensor queries;  // (B, 3, H, W), channels last, normalised, of the encoder's compute type
  at::Tensor keys;     // the same of the other views
  /// (B) int64, on the encoder's device: the order in which the key encoder gets the pictures, so
  /// that its BatchNorm groups are not the query encoder's (section 3.3, "Shuffling BN");
  /// undefined: the same order.
  at::Tensor keyOrder = {};
};

/// What one step measured, before its update.
struct StepResult {
  double loss;
  double accuracy;      // share of queries whose own key scores highest
  double gradientNorm;  // L2, over all parameters
};

/// Momentum Contrast (He et al., CVPR 2020, algorithm 1): query encoder, key encoder, queue,
/// optimiser.
///
/// With one BatchNorm group the key batch need not be shuffled: on one device, shuffling before the
/// key forward and back after it changes nothing.
class Moco {
 public:
  explicit Moco(const MocoOptions& options);
  virtual ~Moco() = default;
  Moco(const Moco&) = delete;
  Moco& operator=(const Moco&) = delete;

  /// Trains on one batch: algorithm 1 from the forward passes on. Where the loss or the gradient is
  /// not finite, parameters, statistics and queue stay as they were.
  /// @throws Error ERR_MOCO_NON_FINITE  where the loss or the gradient is not finite
  StepResult step(const Views& views);

  /// Everything that training changes: both encoders with their statistics, optimiser and queue.
  /// The tensors are those in use, not copies.
  StateDict state() const;
  /// Goes on from where `state` was taken, bit for bit.
  /// @throws Error ERR_MOCO_CHECKPOINT  where a tensor is missing, or of another model
  void restore(const StateDict& state);

  Encoder& queryEncoder() { return query_; }
  Encoder& keyEncoder() { return key_; }
  KeyQueue& queue() { return queue_; }
  const Adam& optimiser() const { return adam_; }
  /// The last step's gradient, one tensor for each parameter.
  const NamedTensors& gradients() const { return gradients_; }

 protected:
  /// What the first half of a step leaves on the device.
  struct Contrast {
    at::Tensor keys;    // (B, featureDim), L2-normalised, without gradient
    at::Tensor result;  // a `StepResult`, packed
  };

  // The halves of a step. Neither waits for the device: the host looks at the result in between.

  /// Forward and backward: keys, loss and gradients. Moves both encoders' BatchNorm statistics.
  virtual Contrast differentiate(const Views& views);
  /// Optimiser and momentum update.
  virtual void updateEncoders();

 private:
  struct Forward {
    at::Tensor keys;  // (B, featureDim), L2-normalised, without gradient
    InfoNce infoNce;
  };

  Forward forward(const Views& views);
  /// (B, featureDim), in the order of the views, whatever the order in which they are encoded.
  at::Tensor encodeKeys(const Views& views);
  /// The gradient of the loss by every parameter, into `gradients_`.
  void backward(const at::Tensor& loss);
  void momentumUpdate();

  MocoOptions options_;
  Encoder query_;
  Encoder key_;
  KeyQueue queue_;
  Adam adam_;
  NamedTensors gradients_;
};

}  // namespace moco
