#pragma once

#include <ATen/ATen.h>

namespace moco {

struct AdamOptions {
  double learningRate;
  double weightDecay;  // L2: this times the parameters is added to the gradient
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;

  /// Calls `visit(name, value)` for every setting; the rest is as in the paper.
  template <class Visit>
  void each(Visit&& visit) {
    visit("learningRate", learningRate);
    visit("weightDecay", weightDecay);
  }
};

/// Adam (Kingma & Ba, ICLR 2015, algorithm 1) with L2 weight decay, over one flat tensor, so that a
/// step is a single kernel.
class Adam {
 public:
  /// @param parameters  changed in place by every step
  Adam(at::Tensor parameters, const AdamOptions& options);

  /// @param gradient  of the same shape and type as the parameters
  void step(const at::Tensor& gradient);

  const AdamOptions& options() const { return options_; }

  /// Running means of the gradient and of its square, in the shape of the parameters; each step
  /// changes them in place.
  const at::Tensor& firstMoment() const { return firstMoment_; }
  const at::Tensor& secondMoment() const { return secondMoment_; }
  /// Number of steps so far: scalar, fp32.
  const at::Tensor& steps() const { return steps_; }

 private:
  AdamOptions options_;
  at::Tensor parameters_;
  at::Tensor firstMoment_;
  at::Tensor secondMoment_;
  at::Tensor steps_;  // fp32, as the fused kernel needs it
};

}  // namespace moco
