#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "core/contrast/info_nce.h"
#include "core/contrast/key_queue.h"
#include "core/files/state_dict.h"
#include "core/model/encoder.h"
#include "core/optimise/optimiser.h"

namespace moco {

/// The settings of Momentum Contrast.
struct ContrastSettings {
  int64_t m;           // the number of negatives, which is the length of the queue
  double temperature;  // τ in eq. 1
  double momentum;     // of the key encoder, m in eq. 2

  /// Calls `visit(name, value)` for every setting.
  template <class Visit>
  void each(Visit&& visit) {
    visit("m", m);
    visit("temperature", temperature);
    visit("momentum", momentum);
  }
};

/// What decides how Momentum Contrast trains.
struct MocoOptions {
  EncoderOptions encoder;
  ContrastSettings contrast;
  OptimiserSettings optimiser;
  uint64_t seed;
};

/// What a step trains on: two views of each of B pictures, drawn independently of each other.
struct Views {
  at::Tensor queries;  // (B, 3, H, W), channels last, normalised, of the encoder's compute type
  at::Tensor keys;     // the other views, in the same form
  /// (B) int64, on the encoder's device: the order in which the key encoder gets the pictures. It
  /// makes the BatchNorm groups of the two encoders differ (section 3.3, "Shuffling BN"). Undefined
  /// means the order of the queries.
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
/// With one BatchNorm group the keys need not be shuffled: on one device, shuffling the views
/// before the key encoder and the keys back after it changes nothing.
class Moco {
 public:
  /// Draws the query encoder's parameters and copies them to the key encoder.
  explicit Moco(const MocoOptions& options);
  virtual ~Moco() = default;
  Moco(const Moco&) = delete;
  Moco& operator=(const Moco&) = delete;

  /// Trains on one batch: algorithm 1 from the forward passes on.
  /// @throws Error ERR_MOCO_NON_FINITE  if the loss or the gradient is not finite; parameters,
  ///                                    statistics and queue then stay as they were
  StepResult step(const Views& views);

  /// What the names of the query encoder's tensors begin with in `state`.
  static constexpr const char* kQueryEncoder = "query.";

  /// Everything that training changes: both encoders with their statistics, optimiser and queue.
  /// The tensors are those in use, not copies.
  StateDict state() const;
  /// Takes over a state, from which training continues bit for bit.
  /// @throws Error ERR_MOCO_CHECKPOINT  if a tensor is missing, or from another model
  void restore(const StateDict& state);

  /// Takes over weights to begin with, for both encoders: those that `weights` has.
  /// @throws Error ERR_MOCO_CHECKPOINT  if a tensor is from another model
  void beginWith(const StateDict& weights);

  Encoder& queryEncoder() { return query_; }
  Encoder& keyEncoder() { return key_; }
  KeyQueue& queue() { return queue_; }
  Optimiser& optimiser() { return optimiser_; }
  /// The last step's gradient, one tensor for each parameter.
  const NamedTensors& gradients() const { return gradients_; }

 protected:
  /// What the first half of a step leaves on the device.
  struct FirstHalf {
    at::Tensor keys;    // (B, D), L2-normalised, without gradient
    at::Tensor result;  // a `StepResult`, packed
  };

  // The two halves of a step. Neither waits for the device. In between, the host looks at the
  // result.

  /// The forward and backward pass: computes keys, loss and gradients, and moves both encoders'
  /// BatchNorm statistics.
  virtual FirstHalf differentiate(const Views& views);
  /// The optimiser's step and the momentum update.
  virtual void updateEncoders();

 private:
  struct Forward {
    at::Tensor keys;  // (B, D), L2-normalised, without gradient
    InfoNce infoNce;
  };

  Forward forward(const Views& views);
  /// The keys (B, D), in the order of the views, even if they are encoded in another order.
  at::Tensor encodeKeys(const Views& views);
  /// Writes the gradient of the loss by every parameter to `gradients_`.
  void backward(const at::Tensor& loss);
  void momentumUpdate();

  MocoOptions options_;
  Encoder query_;
  Encoder key_;
  KeyQueue queue_;
  Optimiser optimiser_;
  NamedTensors gradients_;
};

}  // namespace moco
