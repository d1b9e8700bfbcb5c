#pragma once

#include <ATen/ATen.h>

#include <optional>

#include "core/contrast/contrast_settings.h"
#include "core/contrast/step_input.h"
#include "core/distributed/peers.h"
#include "core/model/encoder.h"
#include "core/model/statistics_guard.h"

namespace moco {

/// The key encoder f_k of Momentum Contrast. It has no gradient and slowly follows the query
/// encoder.
class MomentumEncoder {
 public:
  /// Begins with the query encoder's parameters.
  /// @throws Error ERR_MOCO_CONFIG  for a name in the settings that does not exist
  MomentumEncoder(const EncoderOptions& options, const ContrastSettings& settings,
                  const Encoder& query);

  Encoder& encoder() { return encoder_; }
  const Encoder& encoder() const { return encoder_; }

  /// The keys (N · B, D) of all processes, L2-normalised, in the order of the pictures, even if
  /// they are encoded in another.
  /// @param order  (N · B) int64: the order in which they are encoded; undefined: their own
  at::Tensor encode(const View& view, const at::Tensor& order, const Peers& peers = {});

  /// Whether the encoder is to follow before a step's keys are encoded, as in the official MoCo,
  /// and not after the query encoder's step, as in algorithm 1. With a constant momentum both train
  /// the same, because the encoders are equal at the start.
  bool followsFirst() const { return followsFirst_; }
  /// θ_k ← momentum · θ_k + (1 − momentum) · θ_q (eq. 2).
  void follow(const Encoder& query, double momentum);
  /// Brings BatchNorm's running statistics to where the settings want them after a step: where the
  /// encoder's own passes have moved them (`own`), to the query encoder's (`copied`), or a part of
  /// the way there, as the parameters (`averaged`). Training does not depend on them.
  void followStatistics(const Encoder& query, double momentum);

  /// Undoes, when it is destroyed, what a step has done to the encoder so far, unless `keep` was
  /// called before.
  class Guard {
   public:
    explicit Guard(MomentumEncoder& momentumEncoder);
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    ~Guard();

    /// The step has succeeded: what it has done stays, but for moves of the running statistics that
    /// do not count.
    void keep();

   private:
    MomentumEncoder& of_;
    std::optional<StatisticsGuard> statistics_;
    at::Tensor parameters_;  // before the step; undefined where it does not move them early
  };

 private:
  enum class Statistics { kOwn, kCopied, kAveraged };

  Encoder encoder_;
  bool followsFirst_;
  Statistics statistics_;
};

}  // namespace moco
