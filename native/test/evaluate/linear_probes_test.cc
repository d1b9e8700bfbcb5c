#include "core/evaluate/linear_probes.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/base/error.h"
#include "support/fixtures.h"
#include "support/formula.h"

using namespace moco;

namespace {

constexpr int64_t kFeatures = 24;
constexpr int64_t kClasses = 7;

AdamOptions adam(double learningRate) {
  return {.learningRate = learningRate, .weightDecay = 1e-6};
}

LinearProbes probes(const std::vector<AdamOptions>& optimisers) {
  return LinearProbes(kFeatures, kClasses, optimisers, 3, at::dtype(at::kDouble));
}

at::Tensor features(const std::string& name) {
  return formula::uniform(name, {16, kFeatures}, -1, 1).to(at::kDouble);
}

at::Tensor labels(const std::string& name) {
  return formula::bytes(name + ".labels", {16}).to(at::kLong).remainder(kClasses);
}

}  // namespace

TEST_CASE("a classifier starts as PyTorch's Linear does, the same from the same seed") {
  const LinearProbes drawn(512, 10, {adam(1e-3)}, 3, at::dtype(at::kFloat));
  const double bound = 1 / std::sqrt(512.0);
  CHECK(drawn.weight().abs().max().item<double>() <= bound);
  CHECK(drawn.weight().abs().max().item<double>() > 0.99 * bound);
  CHECK(drawn.weight().std().item<double>() == doctest::Approx(bound / std::sqrt(3)).epsilon(0.02));
  CHECK(drawn.bias().abs().max().item<double>() <= bound);
  CHECK(drawn.bias().abs().max().item<double>() > 0.5 * bound);

  const LinearProbes again(512, 10, {adam(1e-3)}, 3, at::dtype(at::kFloat));
  CHECK(again.weight().equal(drawn.weight()));
  const LinearProbes other(512, 10, {adam(1e-3)}, 4, at::dtype(at::kFloat));
  CHECK_FALSE(other.weight().equal(drawn.weight()));
}

TEST_CASE("probes side by side learn what each would alone") {
  const std::vector<AdamOptions> optimisers{adam(1e-3), adam(1e-1), adam(1e-2)};
  LinearProbes together = probes(optimisers);
  std::vector<LinearProbes> alone;
  for (const auto& options : optimisers) alone.push_back(probes({options}));
  for (const std::string batch : {"s0", "s1", "s2", "s3"}) {
    const auto tallies = together.step(features(batch), labels(batch));
    for (size_t probe = 0; probe < alone.size(); ++probe) {
      const auto tally = alone[probe].step(features(batch), labels(batch)).front();
      CHECK(isClose(tallies[probe].loss, tally.loss, 1e-12));
      CHECK(tallies[probe].top1 == tally.top1);
      CHECK(tallies[probe].top5 == tally.top5);
    }
  }
  for (size_t probe = 0; probe < alone.size(); ++probe) {
    const auto row = static_cast<int64_t>(probe);
    CHECK(relativeDistance(together.weight()[row], alone[probe].weight()[0]) < 1e-12);
    CHECK(relativeDistance(together.bias()[row], alone[probe].bias()[0]) < 1e-12);
  }
  CHECK_FALSE(at::allclose(together.weight()[0], together.weight()[1]));
}

TEST_CASE("measuring gives the tally of a step and changes nothing") {
  LinearProbes trained = probes({adam(1e-2)});
  const auto before = trained.weight().clone();
  const auto measured = trained.measure(features("s0"), labels("s0")).front();
  CHECK(trained.weight().equal(before));
  const auto stepped = trained.step(features("s0"), labels("s0")).front();
  CHECK(stepped.loss == measured.loss);
  CHECK(stepped.top5 == measured.top5);
  CHECK(measured.pictures == 16);
}

TEST_CASE("a loss that is not finite stops all probes before any of them moves") {
  LinearProbes trained = probes({adam(1e-3), adam(1e-2)});
  trained.step(features("s0"), labels("s0"));
  const auto weight = trained.weight().clone();
  const auto bias = trained.bias().clone();
  auto bad = features("s1");
  bad[3][5] = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH_AS(trained.step(bad, labels("s1")), doctest::Contains("the loss is"), Error);
  CHECK(trained.weight().equal(weight));
  CHECK(trained.bias().equal(bias));
}
