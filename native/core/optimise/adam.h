#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "core/optimise/parameter_groups.h"
#include "core/optimise/update_rule.h"

namespace moco {

struct AdamOptions {
  double learningRate;
  double weightDecay;  // L2: this times the parameters is added to the gradient
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  /// Weight decay shrinks the parameters themselves, by this times the learning rate, and does not
  /// touch the gradient: AdamW.
  bool isDecoupled = false;

  /// Calls `visit(name, value)` for every setting; the rest is as in the paper.
  template <class Visit>
  void each(Visit&& visit) {
    visit("learningRate", learningRate);
    visit("weightDecay", weightDecay);
  }
};

/// Adam (Kingma & Ba, ICLR 2015, algorithm 1) with L2 weight decay, or AdamW (Loshchilov & Hutter,
/// ICLR 2019, algorithm 2), over one tensor, so that a step is one kernel for each group.
class Adam final : public UpdateRule {
 public:
  /// @param parameters  contiguous; changed in place by every step
  Adam(const at::Tensor& parameters, const AdamOptions& options);
  /// @param parameters  one-dimensional
  Adam(const at::Tensor& parameters, const AdamOptions& options,
       const std::vector<ParameterGroup>& groups);

  /// `apply` with the learning rate of the options.
  void step(const at::Tensor& gradient) { apply(gradient, {options_.learningRate}); }

  void apply(const at::Tensor& gradient, const LearningRate& rate) override;

  /// Running means of the gradient and of its square.
  std::vector<Buffer> buffers() const override;
  /// `steps`: the number of steps so far, fp32.
  StateDict counters() const override { return {{"steps", steps_}}; }

 private:
  struct Group {
    double weightDecay;
    std::vector<Piece> pieces;
    std::vector<at::Tensor> parameters, firstMoments, secondMoments, steps;  // one for each piece
  };

  AdamOptions options_;
  at::Tensor firstMoment_;
  at::Tensor secondMoment_;
  at::Tensor steps_;  // fp32, as the fused kernel needs it
  std::vector<Group> groups_;
};

}  // namespace moco
