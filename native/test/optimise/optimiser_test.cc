#include "core/optimise/optimiser.h"

#include <ATen/core/grad_mode.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "support/fixtures.h"
#include "support/formula.h"
#include "support/within.h"

using namespace moco;

namespace {

/// As in test/parity/optimiser_fixtures.py: neighbours with weight decay and without, and a
/// convolution, which lies channels last.
std::vector<TensorSpec> specs() {
  return {{"f.0.weight", {4, 3, 3, 3}}, {"f.1.weight", {4}}, {"f.1.bias", {4}},
          {"g.0.weight", {5, 4}},       {"g.0.bias", {5}},   {"g.2.weight", {3, 5}}};
}

const std::vector<double> kRates{0.02, 0.1, 0.1, 0.03, 0};

NamedTensors zeros(at::ScalarType type = at::kDouble) {
  return NamedTensors(specs(), at::dtype(type));
}

NamedTensors start(at::ScalarType type = at::kDouble) {
  NamedTensors parameters = zeros(type);
  for (size_t i = 0; i < parameters.size(); ++i) {
    const auto& parameter = parameters[i];
    parameter.copy_(formula::uniform("optimiser." + parameters.name(i), parameter.sizes(), -1, 1));
    if (parameters.name(i) == "g.2.weight") parameter.zero_();
  }
  return parameters;
}

NamedTensors gradientOf(int64_t step, at::ScalarType type = at::kDouble) {
  NamedTensors gradient = zeros(type);
  const std::string prefix = "optimiser.s" + std::to_string(step) + ".";
  for (size_t i = 0; i < gradient.size(); ++i) {
    if (gradient.name(i) == "g.0.bias") continue;
    gradient[i].copy_(formula::uniform(prefix + gradient.name(i), gradient[i].sizes(), -1, 1));
  }
  return gradient;
}

at::Tensor inARow(const NamedTensors& tensors) {
  std::vector<at::Tensor> rows;
  for (const auto& tensor : tensors.views()) rows.push_back(tensor.flatten());
  return at::cat(rows);
}

OptimiserSettings named(const std::string& optimiser, double weightDecay) {
  return {.optimiser = optimiser,
          .learningRate = kRates[0],
          .weightDecay = weightDecay,
          .schedule = {.schedule = "cosine"}};
}

OptimiserSettings with(OptimiserSettings settings, void (*change)(OptimiserSettings&)) {
  change(settings);
  return settings;
}

/// The cases of the fixture, by name.
std::map<std::string, OptimiserSettings> cases() {
  const auto split = [](OptimiserSettings& settings) { settings.decayNormAndBias = false; };
  return {
      {"adam", with(named("adam", 0.1),
                    [](auto& settings) {
                      settings.beta1 = 0.8;
                      settings.beta2 = 0.95;
                    })},
      {"adam_split", with(named("adam", 0.1), split)},
      {"adamw", named("adamw", 0.1)},
      {"adamw_split", with(named("adamw", 0.1),
                           [](auto& settings) {
                             settings.decayNormAndBias = false;
                             settings.gradientClip = 2;
                           })},
      {"sgd", with(named("sgd", 0.1), [](auto& settings) { settings.optimiserMomentum = 0.8; })},
      {"sgd_plain", with(named("sgd", 0), [](auto& settings) { settings.optimiserMomentum = 0; })},
      {"sgd_split", with(named("sgd", 0.1),
                         [](auto& settings) {
                           settings.decayNormAndBias = false;
                           settings.nesterov = true;
                         })},
      {"sgd_clipped", with(named("sgd", 0.1), [](auto& settings) { settings.gradientClip = 2; })},
      {"lars", with(named("lars", 0.1), [](auto& settings) { settings.trustCoefficient = 0.02; })},
      {"lars_split", with(named("lars", 0.1),
                          [](auto& settings) {
                            settings.decayNormAndBias = false;
                            settings.nesterov = true;
                          })},
      {"lars_clipped", with(named("lars", 0.1),
                            [](auto& settings) {
                              settings.decayNormAndBias = false;
                              settings.trustCoefficient = 0.5;
                              settings.trustClip = true;
                            })},
  };
}

void stepWith(Optimiser& optimiser, int64_t step, at::ScalarType type = at::kDouble) {
  optimiser.setLearningRate(kRates[step]);
  optimiser.step(gradientOf(step, type).flat());
}

}  // namespace

TEST_CASE("five steps of every optimiser are PyTorch's") {
  const Fixture fixture = loadFixture("optimiser");
  const auto all = cases();
  CHECK(all.size() == fixture.size());
  for (const auto& [name, settings] : all) {
    INFO(name);
    for (const auto type : {at::kDouble, at::kFloat}) {
      const NamedTensors parameters = start(type);
      Optimiser optimiser(parameters, settings);
      for (size_t step = 0; step < kRates.size(); ++step) {
        stepWith(optimiser, static_cast<int64_t>(step), type);
        const auto off = (inARow(parameters) - fixture.at(name)[static_cast<int64_t>(step)]).abs();
        // Parameters are about 1: fp32 rounds them by half of 1.2e-7 a few times in each step.
        checkWithin(name, off.max().item<double>(), type == at::kDouble ? 1e-14 : 6e-7);
      }
    }
  }
}

TEST_CASE("a restored optimiser goes on bit for bit") {
  for (const auto& [name, settings] : cases()) {
    INFO(name);
    const NamedTensors parameters = start(at::kFloat);
    Optimiser optimiser(parameters, settings);
    for (int64_t step = 0; step < 3; ++step) stepWith(optimiser, step, at::kFloat);
    StateDict saved = optimiser.state();
    for (auto& [entry, tensor] : saved) tensor = tensor.contiguous().clone();
    const NamedTensors copies = parameters.zerosLike(at::kFloat);
    copies.flat().copy_(parameters.flat());

    Optimiser restored(copies, settings);
    restored.restore(saved);
    for (int64_t step = 3; step < 5; ++step) {
      stepWith(optimiser, step, at::kFloat);
      stepWith(restored, step, at::kFloat);
    }
    CHECK(copies.flat().equal(parameters.flat()));
    const StateDict state = optimiser.state();
    const StateDict after = restored.state();
    REQUIRE(after.size() == state.size());
    for (size_t i = 0; i < state.size(); ++i) {
      CHECK(after[i].first == state[i].first);
      CHECK(after[i].second.equal(state[i].second));
    }
  }
}

TEST_CASE("what is remembered has the parameters' names, as many times as is counted for memory") {
  for (const auto& [name, settings] : cases()) {
    INFO(name);
    const Optimiser optimiser(start(), settings);
    const StateDict state = optimiser.state();
    const int64_t buffers = numbersPerParameter(settings.optimiser);
    const int64_t counters = buffers == 2 ? 1 : 0;
    CHECK(std::ssize(state) == buffers * std::ssize(specs()) + counters);
    CHECK(state[0].first == (buffers == 2 ? "first_moment.f.0.weight" : "velocity.f.0.weight"));
    if (counters == 1) CHECK(state.back().first == "steps");
  }
}

TEST_CASE("a state of another optimiser is refused") {
  Optimiser adam(start(), named("adam", 0.1));
  const Optimiser sgd(start(), named("sgd", 0.1));
  CHECK_THROWS_WITH_AS(adam.restore(sgd.state()), doctest::Contains("f.0.weight is missing"),
                       Error);
}

TEST_CASE("a rate that is read from a tensor gives the same step as the number") {
  for (const auto& [name, settings] : cases()) {
    INFO(name);
    const auto updated = [&](const LearningRate& rate) {
      const NamedTensors parameters = start();
      const auto rule = updateRule(parameters, settings);
      rule->apply(gradientOf(0).flat(), rate);
      rule->apply(gradientOf(1).flat(), rate);
      return parameters.flat().clone();
    };
    const double rate = 0.05;
    CHECK(updated({rate, at::full({}, rate, at::kDouble)}).equal(updated({rate})));
  }
}

TEST_CASE("a constant rate may be set before the first step only") {
  auto settings = named("sgd", 0);
  settings.schedule.schedule = "constant";
  Optimiser optimiser(start(), settings);
  optimiser.setLearningRate(0.5);
  stepWith(optimiser, 0);
  CHECK(optimiser.learningRate() == kRates[0]);
  optimiser.setLearningRate(kRates[0]);
  CHECK_THROWS_AS(optimiser.setLearningRate(0.5), c10::Error);
}

TEST_CASE("a gradient within the limit is not scaled, and one above it is scaled to it") {
  auto settings = named("sgd", 0);
  const double norm = gradientOf(0).flat().norm().item<double>();
  for (const double limit : {2 * norm, norm / 2}) {
    settings.gradientClip = limit;
    Optimiser optimiser(start(), settings);
    const NamedTensors gradient = gradientOf(0);
    optimiser.step(gradient.flat());
    const double after = gradient.flat().norm().item<double>();
    // 1e-6 is added to the norm that the limit is divided by, as PyTorch does.
    CHECK(isClose(after, std::min(limit, norm), limit > norm ? 0 : 1e-6));
  }
}

TEST_CASE("an unknown optimiser is refused") {
  CHECK_THROWS_WITH_AS(Optimiser(start(), named("adagrad", 0)), doctest::Contains("\"adagrad\""),
                       Error);
  CHECK_THROWS_WITH_AS(numbersPerParameter("adagrad"), doctest::Contains("\"adagrad\""), Error);
}
