#include "core/optimise/learning_rate_schedule.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/optimise/momentum_schedule.h"
#include "support/fixtures.h"

using namespace moco;

namespace {

constexpr RunLength kRun{.stepsPerEpoch = 4, .steps = 20};
constexpr double kHighest = 0.1;

OptimiserSettings settingsOf(const ScheduleSettings& schedule) {
  return {.learningRate = kHighest, .weightDecay = 0, .schedule = schedule};
}

LearningRateSchedule scheduleOf(const ScheduleSettings& schedule, int64_t pictures = 256) {
  return {settingsOf(schedule), pictures, kRun};
}

void checkRates(const ScheduleSettings& schedule, const at::Tensor& expected) {
  const auto rates = scheduleOf(schedule);
  REQUIRE(expected.size(0) == kRun.steps);
  for (int64_t step = 0; step < kRun.steps; ++step) {
    INFO(schedule.schedule, ", step ", step);
    CHECK(isClose(rates.at(step), expected[step].item<double>(), 1e-14, 1e-16));
  }
}

}  // namespace

TEST_CASE("schedules give the rates of PyTorch's schedulers") {
  const Fixture fixture = loadFixture("schedule");
  checkRates({.schedule = "step", .stepEpochs = {1.5, 3.5}, .stepFactor = 0.2}, fixture.at("step"));
  checkRates({.schedule = "cosine", .finalLearningRate = 0.05}, fixture.at("cosine"));
  checkRates({.schedule = "one-cycle", .finalLearningRate = 0.01, .cyclePeak = 0.3},
             fixture.at("one_cycle"));
}

TEST_CASE("a constant rate is the given one at every step, exactly") {
  const auto rates = scheduleOf({});
  for (int64_t step = 0; step < 2 * kRun.steps; ++step) CHECK(rates.at(step) == kHighest);
}

TEST_CASE("a warm-up rises from 0, and the schedule has the steps after it") {
  for (const std::string name : {"constant", "cosine"}) {
    const auto rates = scheduleOf({.schedule = name, .warmupEpochs = 1.5});
    for (int64_t step = 0; step < 6; ++step) {
      CHECK(isClose(rates.at(step), kHighest * static_cast<double>(step) / 6, 1e-14));
    }
    CHECK(rates.at(6) == kHighest);
    const double middle = name == "cosine" ? kHighest / 2 : kHighest;
    CHECK(isClose(rates.at(13), middle, 1e-14));
  }
}

TEST_CASE("steps are counted from the beginning of the run, its warm-up included") {
  const auto rates =
      scheduleOf({.schedule = "step", .warmupEpochs = 1, .stepEpochs = {2}, .stepFactor = 0.5});
  CHECK(rates.at(7) == kHighest);
  CHECK(rates.at(8) == kHighest / 2);
}

TEST_CASE("a step after the last one has the last one's rate") {
  for (const std::string name : {"cosine", "one-cycle"}) {
    const auto rates = scheduleOf({.schedule = name});
    CHECK(rates.at(kRun.steps + 5) == rates.at(kRun.steps - 1));
  }
}

TEST_CASE("one cycle of very few steps stays within its bounds") {
  for (int64_t steps = 1; steps < 6; ++steps) {
    for (const double peak : {0.0, 0.3, 1.0}) {
      const LearningRateSchedule rates(settingsOf({.schedule = "one-cycle", .cyclePeak = peak}),
                                       256, {.stepsPerEpoch = steps, .steps = steps});
      for (int64_t step = 0; step < steps; ++step) {
        INFO("step ", step, " of ", steps, ", peak ", peak);
        CHECK(rates.at(step) >= 0);
        CHECK(rates.at(step) <= kHighest);
      }
    }
  }
}

TEST_CASE("the rate grows with the pictures of a step, or with their root") {
  CHECK(isClose(scheduleOf({.scaleLearningRate = "linear"}, 1024).at(0), 4 * kHighest, 1e-15));
  CHECK(isClose(scheduleOf({.scaleLearningRate = "sqrt"}, 64).at(0), kHighest / 2, 1e-15));
  CHECK(scheduleOf({.scaleLearningRate = "none"}, 64).at(0) == kHighest);
}

TEST_CASE("the momentum rises to 1 along half a cosine, or stays") {
  CHECK(momentumAt("cosine", 0.96, 0, 100) == doctest::Approx(0.96));
  CHECK(momentumAt("cosine", 0.96, 50, 100) == doctest::Approx(0.98));
  const double quarter = (std::cos(std::numbers::pi / 4) + 1) / 2;
  CHECK(momentumAt("cosine", 0.96, 25, 100) == doctest::Approx(1 - 0.04 * quarter));
  CHECK(momentumAt("cosine", 0.96, 100, 100) == 1);
  CHECK(momentumAt("constant", 0.999, 77, 100) == 0.999);
}

TEST_CASE("an unknown schedule is refused") {
  CHECK_THROWS_WITH_AS(scheduleOf({.schedule = "linear"}), doctest::Contains("\"linear\""), Error);
  CHECK_THROWS_WITH_AS(scheduleOf({.scaleLearningRate = "cubic"}), doctest::Contains("\"cubic\""),
                       Error);
  CHECK_THROWS_WITH_AS(momentumAt("linear", 0.9, 0, 1), doctest::Contains("\"linear\""), Error);
}
