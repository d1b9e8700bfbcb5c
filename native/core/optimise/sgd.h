#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "core/optimise/parameter_groups.h"
#include "core/optimise/update_rule.h"

namespace moco {

struct SgdOptions {
  double momentum;
  bool nesterov;
  double weightDecay;  // L2: this times the parameters is added to the gradient
};

/// Stochastic gradient descent with momentum μ, in PyTorch's form, where the learning rate γ is no
/// part of the velocity:
///
///   v ← μ v + g,   w ← w − γ v,   or Nesterov's w ← w − γ (g + μ v)
///
/// (Sutskever et al., ICML 2013, eq. 1–4; g with weight decay).
class Sgd final : public UpdateRule {
 public:
  /// @param parameters  one-dimensional; changed in place by every step
  Sgd(const at::Tensor& parameters, const SgdOptions& options,
      const std::vector<ParameterGroup>& groups);

  void apply(const at::Tensor& gradient, const LearningRate& rate) override;
  std::vector<Buffer> buffers() const override { return {{"velocity", velocity_}}; }

 private:
  struct Group {
    double weightDecay;
    std::vector<Piece> pieces;
    std::vector<at::Tensor> parameters, velocities;  // one for each piece
  };

  SgdOptions options_;
  at::Tensor velocity_;
  std::vector<Group> groups_;
};

}  // namespace moco
