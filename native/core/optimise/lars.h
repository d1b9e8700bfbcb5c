#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "core/model/named_tensors.h"
#include "core/optimise/parameter_groups.h"
#include "core/optimise/update_rule.h"

namespace moco {

struct LarsOptions {
  double momentum;
  bool nesterov;
  double weightDecay;
  double trustCoefficient;
  bool trustClip;         // no layer's rate is above the learning rate
  bool decayNormAndBias;  // whether BatchNorm's parameters and biases are treated like the others
};

/// LARS (You et al., "Large Batch Training of Convolutional Networks", 2017, algorithm 1), in the
/// form that PyTorch's implementations have, where the learning rate γ is no part of the velocity.
/// Each parameter tensor w with gradient g has a rate of its own, with weight decay β:
///
///   λ = η ‖w‖ / (‖g‖ + β ‖w‖),   1 where ‖w‖ or ‖g‖ is 0;   clipped: λ = min(λ / γ, 1)
///   v ← μ v + λ (g + β w),   w ← w − γ v,   or Nesterov's w ← w − γ (λ (g + β w) + μ v)
///
/// BatchNorm's parameters and biases have λ = 1 and β = 0, unless they are to decay as well.
class Lars final : public UpdateRule {
 public:
  /// @param parameters  changed in place by every step
  Lars(const NamedTensors& parameters, const LarsOptions& options);

  void apply(const at::Tensor& gradient, const LearningRate& rate) override;
  std::vector<Buffer> buffers() const override { return {{"velocity", velocity_}}; }

 private:
  /// λ of each of the adapted parameters.
  std::vector<at::Tensor> ratios(const at::Tensor& gradient, const LearningRate& rate) const;

  LarsOptions options_;
  at::Tensor parameters_;
  at::Tensor velocity_;
  std::vector<Piece> adapted_;  // the parameters that have a rate of their own, and decay
};

}  // namespace moco
