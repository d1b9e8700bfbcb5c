#include "support/recipe.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/fixtures.h"
#include "support/within.h"

// Five steps with each option of the configuration, and of each recipe in recipes/, against
// test/parity/reference_recipe.py.

using namespace moco;

namespace {

/// By how much results may differ, relative to what they are.
struct Limits {
  double loss = 1e-9, queue = 1e-9, update = 1e-7, statistics = 1e-9;
};

void checkEncoder(const Fixture& fixture, const std::string& title, const Encoder& encoder,
                  const Encoder& start, const Limits& limits) {
  const NamedTensors update = encoder.parameters().zerosLike(at::kDouble);
  update.flat().copy_(encoder.parameters().flat());
  update.flat().sub_(start.parameters().flat());
  checkSummary(fixture, title + "_update", update, limits.update);
  checkSummary(fixture, title + "_buffer", encoder.statistics(), limits.statistics);
}

void checkFiveSteps(const std::string& name, const Limits& limits = {}) {
  INFO(name);
  const Fixture fixture = loadFixture(name);
  const Recipe recipe(fixture);
  Moco moco(recipe.options), start(recipe.options);
  for (Moco* each : {&moco, &start}) fill(*each, recipe);
  int64_t batch = 0;
  for (int64_t step = 0; step < Recipe::kSteps; ++step) {
    recipe.prepare(moco, step);
    const StepResult result = moco.step([&] { return recipe.batch(batch++); });
    const auto expected = [&](const char* what) { return fixture.at(what)[step].item<double>(); };
    checkClose(name + ", loss of step " + std::to_string(step), result.loss, expected("losses"), 0,
               limits.loss);
    CHECK(result.accuracy == doctest::Approx(expected("accuracies")).epsilon(1e-12));
  }
  checkWithin(name + ", queue", relativeDistance(moco.queue().inOrder(), fixture.at("queue")),
              limits.queue);
  checkEncoder(fixture, "query", moco.queryEncoder(), start.queryEncoder(), limits);
  if (recipe.hasKeyEncoder()) {
    checkEncoder(fixture, "key", moco.keyEncoder(), start.keyEncoder(), limits);
  }
}

}  // namespace

TEST_CASE("five steps with every option are PyTorch's") {
  for (const std::string name : {"symmetric", "multi_crop", "accumulate", "before", "shared",
                                 "mask_same", "nnclr", "sce", "ressl", "byol"}) {
    checkFiveSteps("recipe_" + name);
  }
}

TEST_CASE("five steps of every recipe are PyTorch's") {
  // At the rates of recipes, five steps of a deep network multiply what rounding begins with.
  constexpr Limits kLimits{.loss = 1e-6, .queue = 1e-6, .update = 1e-4, .statistics = 1e-6};
  for (const auto& name : fixturesOf("published")) checkFiveSteps(name, kLimits);
}
