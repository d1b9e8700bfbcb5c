#include "core/optimise/adam.h"

#include <doctest/doctest.h>

#include <cmath>

#include "support/fixtures.h"
#include "support/formula.h"

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
  CHECK(at::allclose(parameters, expected, 1e-12, 1e-12));
}

TEST_CASE("five steps on gradients from 1 down to 1e-8 are PyTorch's") {
  const Fixture fixture = loadFixture("adam");
  const auto& gradients = fixture.at("gradients");  // (5, 19, 27)
  for (const auto type : {at::kDouble, at::kFloat}) {
    auto weight = formula::uniform("adam.query", gradients[0].sizes(), -0.1, 0.1).to(type);
    Adam adam(weight, {.learningRate = 1e-3, .weightDecay = 1e-6});
    for (int64_t step = 0; step < gradients.size(0); ++step) {
      adam.step(gradients[step].to(type));
      // PyTorch's own fp32 differs by 3e-8: rounding by half a unit in the last place of a weight
      // below 0.1, a few times. Four times that is allowed.
      const double allowed = type == at::kDouble ? 1e-12 : 1.2e-7;
      CHECK((weight - fixture.at("query")[step]).abs().max().item<double>() < allowed);
    }
  }
}
