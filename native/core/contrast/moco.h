#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "core/contrast/contrast_settings.h"
#include "core/contrast/key_queue.h"
#include "core/contrast/loss.h"
#include "core/contrast/momentum_encoder.h"
#include "core/contrast/step_input.h"
#include "core/distributed/peers.h"
#include "core/files/state_dict.h"
#include "core/model/encoder.h"
#include "core/optimise/optimiser.h"

namespace moco {

/// What decides how Momentum Contrast trains.
struct MocoOptions {
  EncoderOptions encoder;
  ContrastSettings contrast;
  OptimiserSettings optimiser;
  uint64_t seed;
  Peers peers = {};  // that share each batch
};

/// What one step measured, before its update.
struct StepResult {
  double loss;
  double accuracy;      // share of queries whose own key scores highest, as their loss defines it
  double gradientNorm;  // L2, over all parameters
};

/// Momentum Contrast (He et al., CVPR 2020, algorithm 1): query encoder, key encoder, queue,
/// optimiser. By its settings also what has been made of it: several views of a picture, of several
/// sizes, which may be queries, keys or both; other losses and negatives; a predictor; a query
/// encoder that gives the keys as well.
///
/// With one BatchNorm group the keys need not be shuffled: on one device, shuffling the views
/// before the key encoder and the keys back after it changes nothing.
///
/// N processes that share each batch compute what one computes that divides it into N times as many
/// BatchNorm groups. All have the same parameters, statistics and queue after each step.
class Moco {
 public:
  /// Draws the query encoder's parameters and copies them to the key encoder.
  explicit Moco(const MocoOptions& options);
  virtual ~Moco() = default;
  Moco(const Moco&) = delete;
  Moco& operator=(const Moco&) = delete;

  /// Trains on as many batches as the settings say: algorithm 1 from the forward passes on. The
  /// gradient is the mean of theirs, and keys enter the queue when all are done.
  /// @return  means over the batches, and the norm of that gradient
  /// @throws Error ERR_MOCO_NON_FINITE  if the loss or the gradient is not finite; parameters,
  ///                                    statistics and queue then stay as they were
  StepResult step(const NextBatch& next);
  /// The same on one batch.
  StepResult step(const StepInput& batch);

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
  /// There is one unless the settings share the query encoder.
  Encoder& keyEncoder() { return key_.value().encoder(); }
  KeyQueue& queue() { return queue_; }
  /// `KeyQueue::fill`, or 1 where nothing is compared with the queue.
  double queueFill() const;
  Optimiser& optimiser() { return optimiser_; }
  /// Sets the momentum of the next steps; until then it is that of the settings.
  void setMomentum(double momentum) { momentum_ = momentum; }
  /// The last step's gradient, one tensor for each parameter.
  const NamedTensors& gradients() const { return gradients_; }

 protected:
  /// What the first half of a step leaves on the device.
  struct FirstHalf {
    at::Tensor keys;    // (t · B, D), L2-normalised, without gradient: of t views, view by view
    at::Tensor result;  // a `StepResult`, packed
  };

  // The two halves of a step. Neither waits for the device. In between, the host looks at the
  // result.

  /// The forward and backward pass on one batch: computes keys, loss and gradients, and moves both
  /// encoders' BatchNorm statistics.
  virtual FirstHalf differentiate(const StepInput& batch);
  /// The optimiser's step.
  virtual void updateQueryEncoder();

  /// The key encoder, or null where the query encoder gives the keys, too.
  MomentumEncoder* keyEncoderOrNone() { return key_ ? &*key_ : nullptr; }

 private:
  struct Forward {
    at::Tensor keys;  // as in `FirstHalf`
    LossValue value;
  };
  /// A batch's keys, and the numbers of their pictures, for the queue.
  struct NewKeys {
    at::Tensor keys, pictureNumbers;
  };

  Forward forward(const StepInput& batch);
  /// Writes the gradient of the loss by every parameter to `gradients_`.
  void backward(const at::Tensor& loss);
  /// Makes a step's gradient, statistics and result those of the whole batch, where this process
  /// has computed them for its own part.
  /// @return  the result, packed
  at::Tensor ofAllPeers(const at::Tensor& result);
  /// Differentiates all batches of a step.
  /// @param keys  gets those of each batch
  /// @return      a `StepResult`, packed
  at::Tensor differentiateAll(const NextBatch& next, std::vector<NewKeys>& keys);

  MocoOptions options_;
  Encoder query_;
  std::optional<MomentumEncoder> key_;
  KeyQueue queue_;
  Loss loss_;
  double momentum_;
  Optimiser optimiser_;
  NamedTensors gradients_;
};

}  // namespace moco
