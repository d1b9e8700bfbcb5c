#include "core/adam.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace moco;

TEST_CASE("Adam with L2 weight decay follows its definition") {
  const AdamOptions options{.learningRate = 0.01, .weightDecay = 0.1};
  auto parameters = at::randn({1000}, at::kDouble);
  auto expected = parameters.clone();
  auto m = at::zeros_like(expected);
  auto v = at::zeros_like(expected);
  Adam adam(parameters, options);
  for (int step = 1; step <= 10; ++step) {
    const auto gradient = at::randn({1000}, at::kDouble);
    adam.step(gradient);
    const auto g = gradient + options.weightDecay * expected;
    m = options.beta1 * m + (1 - options.beta1) * g;
    v = options.beta2 * v + (1 - options.beta2) * g * g;
    const auto corrected = m / (1 - std::pow(options.beta1, step));
    const auto scale = (v / (1 - std::pow(options.beta2, step))).sqrt() + options.eps;
    expected = expected - options.learningRate * corrected / scale;
  }
  // The fused kernel takes its betas' corrections in fp32's neighbourhood; 1e-7 of a step of 0.01.
  CHECK(at::allclose(parameters, expected, 1e-9, 1e-9));
}
