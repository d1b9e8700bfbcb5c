#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "core/contrast/info_nce.h"
#include "core/contrast/key_queue.h"
#include "core/device/graphed_function.h"
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
  MakeRecorder graphRecorder = {};  // of what the step gives the device
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
  Moco(const Moco&) = delete;
  Moco& operator=(const Moco&) = delete;

  /// Trains on one batch. Where the loss or the gradient is not finite, parameters, statistics and
  /// queue stay as they were.
  /// @param queryViews  (B, 3, H, W), channels last, normalised, of the encoder's compute type
  /// @param keyViews    the other views of the same pictures
  /// @param keyOrder    (B) int64, on the encoder's device: the order in which the key encoder gets
  ///                    the pictures, so that its BatchNorm groups are not the query encoder's
  ///                    (section 3.3, "Shuffling BN"); undefined: the same order
  /// @throws Error ERR_MOCO_NON_FINITE  where the loss or the gradient is not finite
  StepResult step(const at::Tensor& queryViews, const at::Tensor& keyViews,
                  const at::Tensor& keyOrder = {});

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
  /// Why steps are not recorded, though they should be; empty where nothing is wrong.
  const std::string& graphFailure() const;
  /// The last step's gradient, one tensor for each parameter.
  const NamedTensors& gradients() const { return gradients_; }

 private:
  struct Contrast {
    at::Tensor keys;  // (B, D)
    InfoNce infoNce;
  };

  /// Loss and gradients.
  /// @param inputs  the queries' views, the keys', and, with several BatchNorm groups, their order
  /// @return        the keys (B, D), and (3): loss, accuracy and norm of the gradient
  GraphedFunction::Tensors forwardAndBackward(const GraphedFunction::Tensors& inputs);
  /// Forward: keys and loss; moves both encoders' BatchNorm statistics.
  Contrast contrast(const at::Tensor& queryViews, const at::Tensor& keyViews,
                    const at::Tensor& keyOrder);
  /// (B, D), in the order of the views.
  at::Tensor keysOf(const at::Tensor& views, const at::Tensor& order);
  /// Backward: gradients.
  at::Tensor differentiate(const InfoNce& contrast);
  /// Optimiser, momentum update and queue.
  void update(const at::Tensor& keys);
  void momentumUpdate();

  MocoOptions options_;
  Encoder query_;
  Encoder key_;
  KeyQueue queue_;
  Adam adam_;
  NamedTensors gradients_;
  // Up to the gradients, of which the host sees whether they are finite.
  GraphedFunction gradientGraph_;
  GraphedFunction updateGraph_;
};

}  // namespace moco
