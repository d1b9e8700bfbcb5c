#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "core/contrast/moco.h"
#include "core/ops/normalise_rows.h"
#include "core/optimise/learning_rate_schedule.h"
#include "core/optimise/momentum_schedule.h"
#include "support/fixture_settings.h"
#include "support/fixtures.h"
#include "support/formula.h"
#include "support/within.h"

// Five steps with each option of the configuration, and of each recipe in recipes/, against
// test/parity/reference_recipe.py.

using namespace moco;

namespace {

constexpr int64_t kBatch = 8;
constexpr int64_t kSteps = 5;  // of the whole run, each an epoch

/// By how much results may differ, relative to what they are.
struct Limits {
  double loss = 1e-9, queue = 1e-9, update = 1e-7, statistics = 1e-9;
};

/// The settings and views of a fixture.
struct Recipe {
  explicit Recipe(const Fixture& fixture) : views(fixture.at("views")) {
    const FixtureSettings reader(fixture);
    options.encoder.settings.each(reader);
    options.contrast.each(reader);
    options.optimiser.each(reader);
  }

  /// The run's batch of that number, from 0.
  StepInput batch(int64_t number) const {
    StepInput batch;
    for (int64_t view = 0; view < views.size(0); ++view) {
      const auto name = "view" + std::to_string(view) + ".s" + std::to_string(number);
      const auto size = views[view][2].item<int64_t>();
      batch.views.push_back({.pictures = formula::pictures(name, kBatch, at::kDouble, size),
                             .student = views[view][0].item<bool>(),
                             .teacher = views[view][1].item<bool>()});
    }
    batch.pictureNumbers = at::arange(kBatch).add(3 * number).remainder(12);
    if (options.encoder.settings.batchNormGroups > 1) {
      batch.keyOrder = at::tensor(std::vector<int64_t>{5, 0, 7, 2, 4, 1, 6, 3});
    }
    return batch;
  }

  bool hasKeyEncoder() const { return options.contrast.keyEncoder == "momentum"; }

  /// Sets what changes from step to step, as `Trainer` does.
  void prepare(Moco& moco, int64_t step) const {
    const auto& contrast = options.contrast;
    const LearningRateSchedule schedule(options.optimiser, kBatch * contrast.accumulate,
                                        {.stepsPerEpoch = 1, .steps = kSteps});
    moco.optimiser().setLearningRate(schedule.at(step));
    moco.setMomentum(momentumAt(contrast.momentumSchedule, contrast.momentum, step, kSteps));
  }

  at::Tensor views;  // (V, 3): student, teacher, size
  MocoOptions options{.encoder = {.settings = {.arch = {}, .featureDim = 0},
                                  .device = at::kCPU,
                                  .compute = at::kDouble,
                                  .master = at::kDouble},
                      .contrast = {},
                      .optimiser = {},
                      .seed = 1};
};

void fill(Moco& moco, bool hasKeyEncoder) {
  formula::fill(moco.queryEncoder());
  if (hasKeyEncoder) formula::fill(moco.keyEncoder(), "key.");
  const auto& keys = moco.queue().keys();
  keys.copy_(normaliseRows(formula::uniform("queue", keys.sizes(), -1, 1).to(at::kDouble)));
}

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
  for (Moco* each : {&moco, &start}) fill(*each, recipe.hasKeyEncoder());
  int64_t batch = 0;
  for (int64_t step = 0; step < kSteps; ++step) {
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
