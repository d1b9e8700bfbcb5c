#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/contrast/moco.h"
#include "core/ops/normalise_rows.h"
#include "core/optimise/learning_rate_schedule.h"
#include "core/optimise/momentum_schedule.h"
#include "support/fixture_settings.h"
#include "support/formula.h"

namespace moco {

/// A recipe of test/parity/reference_recipe.py: five steps, each an epoch.
struct Recipe {
  static constexpr int64_t kSteps = 5;

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
      batch.views.push_back({.pictures = formula::pictures(name, batchSize, at::kDouble, size),
                             .student = views[view][0].item<bool>(),
                             .teacher = views[view][1].item<bool>()});
    }
    batch.pictureNumbers = at::arange(batchSize).add(3 * number).remainder(batchSize * 3 / 2);
    if (options.encoder.settings.batchNormGroups > 1) {
      batch.keyOrder = at::tensor(std::vector<int64_t>{5, 0, 7, 2, 4, 1, 6, 3});
    }
    return batch;
  }

  bool hasKeyEncoder() const { return options.contrast.keyEncoder == "momentum"; }

  /// Sets what changes from step to step, as `Trainer` does.
  void prepare(Moco& moco, int64_t step) const {
    const auto& contrast = options.contrast;
    const LearningRateSchedule schedule(options.optimiser, batchSize * contrast.accumulate,
                                        {.stepsPerEpoch = 1, .steps = kSteps});
    moco.optimiser().setLearningRate(schedule.at(step));
    moco.setMomentum(momentumAt(contrast.momentumSchedule, contrast.momentum, step, kSteps));
  }

  at::Tensor views;  // (V, 3): student, teacher, size
  int64_t batchSize = 8;
  MocoOptions options{.encoder = {.settings = {.arch = {}, .featureDim = 0},
                                  .device = at::kCPU,
                                  .compute = at::kDouble,
                                  .master = at::kDouble},
                      .contrast = {},
                      .optimiser = {},
                      .seed = 1};
};

/// Gives a model the parameters and keys that the fixture began with.
inline void fill(Moco& moco, const Recipe& recipe) {
  formula::fill(moco.queryEncoder());
  if (recipe.hasKeyEncoder()) formula::fill(moco.keyEncoder(), "key.");
  const auto& keys = moco.queue().keys();
  keys.copy_(normaliseRows(formula::uniform("queue", keys.sizes(), -1, 1).to(at::kDouble)));
}

}  // namespace moco
