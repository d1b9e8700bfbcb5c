#include "core/contrast/loss.h"

#include <doctest/doctest.h>
#include <torch/csrc/autograd/autograd.h>

#include <string>

#include "core/base/error.h"
#include "core/ops/normalise_rows.h"
#include "support/fixtures.h"
#include "support/formula.h"
#include "support/within.h"

using namespace moco;

namespace {

constexpr int64_t kBatch = 6;
constexpr int64_t kDim = 16;
constexpr int64_t kNegatives = 10;
constexpr int64_t kQueue = 9;

ContrastSettings settingsOf(const std::string& loss, const std::string& scale = "none") {
  return {.m = kQueue,
          .temperature = 0.2,
          .momentum = 0.99,
          .loss = loss,
          .lossScale = scale,
          .teacherTemperature = 0.1,
          .targetShare = 0.3,
          .weightSigma = 0.4};
}

/// As in test/parity/loss_fixtures.py.
at::Tensor vectors(const std::string& name, int64_t count) {
  return normaliseRows(formula::uniform(name, {count, kDim}, -1, 1).to(at::kDouble));
}

Comparison comparison(const at::Tensor& isLeftOut) {
  return {vectors("loss.queries", kBatch).requires_grad_(),
          vectors("loss.keys", kBatch),
          {vectors("loss.negatives", kNegatives), isLeftOut}};
}

}  // namespace

TEST_CASE("every loss, its accuracy and its gradient are those of its plain statement in PyTorch") {
  const Fixture fixture = loadFixture("losses");
  const auto isLeftOut = fixture.at("left_out").to(at::kBool);
  KeyQueue queue(kQueue, kDim, 1, at::kDouble);
  queue.enqueue(vectors("loss.queue", kQueue));
  for (const std::string name : {"info-nce", "dcl", "dclw", "sce", "ressl", "nnclr", "cosine"}) {
    for (const std::string scale : {"none", "2T"}) {
      const std::string title = name + "." + scale;
      INFO(title);
      const auto compared = comparison(isLeftOut);
      const LossValue value = lossOf(settingsOf(name, scale), queue)(compared);
      const auto gradient = torch::autograd::grad({value.loss}, {compared.queries}).front();
      checkWithin(title, relativeDistance(value.loss, fixture.at(title + ".loss")), 1e-13);
      CHECK(value.accuracy.item<double>() == fixture.at(title + ".accuracy").item<double>());
      checkWithin(title + ", gradient", relativeDistance(gradient, fixture.at(title + ".gradient")),
                  1e-13);
    }
  }
}

TEST_CASE("negatives that are left out are as if they were not there") {
  const KeyQueue queue(kQueue, kDim, 1, at::kDouble);
  auto isLeftOut = at::zeros({kBatch, kNegatives}, at::kBool);
  isLeftOut.narrow(1, 4, kNegatives - 4).fill_(true);
  for (const std::string name : {"info-nce", "dcl", "dclw", "sce", "ressl"}) {
    INFO(name);
    const Loss loss = lossOf(settingsOf(name), queue);
    const auto masked = comparison(isLeftOut);
    auto fewer = comparison({});
    fewer.negatives.vectors = fewer.negatives.vectors.narrow(0, 0, 4);
    checkWithin(name, relativeDistance(loss(masked).loss, loss(fewer).loss), 1e-14);
  }
}

TEST_CASE("sce with all of the target on the own key is InfoNCE") {
  const KeyQueue queue(kQueue, kDim, 1, at::kDouble);
  auto settings = settingsOf("sce");
  settings.targetShare = 1;
  const auto compared = comparison({});
  checkWithin("sce",
              relativeDistance(lossOf(settings, queue)(compared).loss,
                               lossOf(settingsOf("info-nce"), queue)(compared).loss),
              1e-14);
}

TEST_CASE("a loss, or a scale of it, that does not exist is refused") {
  const KeyQueue queue(kQueue, kDim, 1, at::kDouble);
  CHECK_THROWS_WITH_AS(lossOf(settingsOf("triplet"), queue), doctest::Contains("loss: there is no"),
                       Error);
  CHECK_THROWS_WITH_AS(lossOf(settingsOf("dcl", "T"), queue), doctest::Contains("lossScale"),
                       Error);
}
