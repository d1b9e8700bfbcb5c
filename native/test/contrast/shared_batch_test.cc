#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/fixtures.h"
#include "support/processes.h"
#include "support/recipe.h"
#include "support/within.h"

// Processes that share each batch compute what one process computes with as many BatchNorm groups.

using namespace moco;

namespace {

/// By how much results may differ, relative to what they are: sums are added up in another order.
struct Limits {
  double result, state;
};

/// A process's part of a batch.
StepInput partOf(StepInput batch, const Peers& peers) {
  for (View& view : batch.views) {
    if (batch.keyOrder.defined()) {
      const auto there = view.pictures.index_select(0, peers.own(batch.keyOrder));
      view.forKeys = there.contiguous(at::MemoryFormat::ChannelsLast);
    }
    view.pictures = peers.own(view.pictures);
  }
  return batch;
}

/// An order in which keys are encoded, for a batch of a power of two.
at::Tensor shuffled(int64_t batchSize) {
  return at::arange(batchSize).mul(5).add(3).remainder(batchSize);
}

struct Outcome {
  std::vector<StepResult> steps;
  StateDict state;
};

/// @param groups  of each process
Outcome train(Recipe recipe, int64_t steps, int64_t groups, const Peers& peers = {}) {
  recipe.options.peers = peers;
  recipe.options.encoder.settings.batchNormGroups = groups;
  Moco moco(recipe.options);
  fill(moco, recipe);
  Outcome outcome;
  int64_t number = 0;
  const auto next = [&] {
    StepInput batch = recipe.batch(number++);
    batch.keyOrder = recipe.hasKeyEncoder() ? shuffled(recipe.batchSize) : at::Tensor{};
    return peers.alone() ? batch : partOf(batch, peers);
  };
  for (int64_t step = 0; step < steps; ++step) {
    recipe.prepare(moco, step);
    outcome.steps.push_back(moco.step(next));
  }
  outcome.state = moco.state();
  return outcome;
}

void checkSame(const Outcome& processes, const Outcome& one, const Limits& limits) {
  for (size_t step = 0; step < one.steps.size(); ++step) {
    const auto& [loss, accuracy, gradientNorm] = one.steps[step];
    INFO("step ", step);
    checkClose("loss", processes.steps[step].loss, loss, limits.result);
    CHECK(processes.steps[step].accuracy == doctest::Approx(accuracy).epsilon(1e-12));
    checkClose("norm of the gradient", processes.steps[step].gradientNorm, gradientNorm,
               limits.state);
  }
  REQUIRE(processes.state.size() == one.state.size());
  for (size_t i = 0; i < one.state.size(); ++i) {
    const auto& [name, tensor] = one.state[i];
    INFO(name);
    CHECK(processes.state[i].first == name);
    const auto& theirs = processes.state[i].second;
    if (tensor.is_floating_point()) {
      // What a bias before BatchNorm gets as its gradient is rounding alone.
      const bool isRounding = tensor.norm().item<double>() < 1e-12;
      const auto distance = isRounding ? (theirs - tensor).norm().item<double>() * 1e3
                                       : relativeDistance(theirs, tensor);
      checkWithin(name, distance, limits.state);
    } else {
      CHECK(theirs.equal(tensor));
    }
  }
}

/// Compares the first process with one that is alone, and the others with the first, bit for bit.
void checkProcesses(const std::string& name, int64_t count, int64_t steps, const Limits& limits) {
  INFO(name, ", processes: ", count);
  const Fixture fixture = loadFixture(name);
  Recipe recipe(fixture);
  recipe.batchSize = 4 * count;  // smaller groups magnify what rounding begins with
  std::vector<Outcome> outcomes(count);
  asProcesses(count,
              [&](const Peers& peers) { outcomes[peers.rank()] = train(recipe, steps, 1, peers); });
  checkSame(outcomes.front(), train(recipe, steps, count), limits);
  for (const auto& outcome : outcomes) {
    for (size_t i = 0; i < outcome.state.size(); ++i) {
      INFO(outcome.state[i].first);
      CHECK(outcome.state[i].second.equal(outcomes.front().state[i].second));
    }
  }
}

}  // namespace

TEST_CASE("processes that share a batch compute what one does, with every option") {
  constexpr Limits kLimits{.result = 1e-9, .state = 1e-6};
  for (const std::string name : {"symmetric", "multi_crop", "accumulate", "before", "shared",
                                 "mask_same", "nnclr", "sce", "ressl", "byol"}) {
    checkProcesses("recipe_" + name, 2, Recipe::kSteps, kLimits);
  }
  for (const std::string name : {"symmetric", "shared"}) {
    checkProcesses("recipe_" + name, 4, Recipe::kSteps, kLimits);
  }
}

TEST_CASE("processes that share a batch compute what one does, with every recipe") {
  constexpr Limits kLimits{.result = 1e-9, .state = 1e-6};
  for (const auto& name : fixturesOf("published")) checkProcesses(name, 2, 2, kLimits);
}
