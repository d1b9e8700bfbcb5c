#include "core/run/trainer.h"

#include <doctest/doctest.h>

#include <vector>

#include "core/base/error.h"

using namespace moco;

namespace {

ImageStore noise(int64_t count, uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  const auto pixels = at::randint(256, {count, 8, 8, 3}, generator, at::kByte);
  return {pixels, at::arange(count).remainder(10), 10};
}

TrainerOptions smallOptions() {
  return {.train = noise(32, 1),
          .test = noise(12, 2),
          .normalisation = {at::full({3}, .5f), at::full({3}, .25f)},
          .arch = "resnet18",
          .featureDim = 16,
          .queueLength = 24,
          .temperature = 0.2,
          .momentum = 0.99,
          .neighbours = 7,
          .batchSize = 8,
          .learningRate = 1e-3,
          .weightDecay = 1e-6,
          .seed = 11,
          .device = "cpu",
          .precision = "fp32",
          .dataThreads = 1,
          .computeThreads = 0,
          .checkpoint = {}};
}

struct Run {
  std::vector<double> losses;
  Accuracy accuracy{};
};

Run twoEpochs(TrainerOptions options) {
  Trainer trainer(std::move(options));
  const std::atomic<bool> stop{false};
  Run run;
  for (int64_t epoch = 1; epoch <= 2; ++epoch) {
    trainer.trainEpoch(
        epoch, 1, [&](const StepMetrics& metrics) { run.losses.push_back(metrics.result.loss); },
        stop);
  }
  run.accuracy = trainer.evaluate(stop);
  return run;
}

}  // namespace

TEST_CASE("the same seed gives the same run, bit for bit, with any number of data threads") {
  const Run run = twoEpochs(smallOptions());
  CHECK(run.losses.size() == 8);
  auto threads = smallOptions();
  threads.dataThreads = 3;
  const Run again = twoEpochs(threads);
  CHECK(again.losses == run.losses);
  CHECK(again.accuracy.top1 == run.accuracy.top1);
  auto seed = smallOptions();
  seed.seed = 12;
  CHECK(twoEpochs(seed).losses != run.losses);
}

TEST_CASE("an evaluation between epochs does not change the run") {
  const Run run = twoEpochs(smallOptions());
  Trainer trainer(smallOptions());
  const std::atomic<bool> stop{false};
  std::vector<double> losses;
  Accuracy accuracy{};
  for (int64_t epoch = 1; epoch <= 2; ++epoch) {
    trainer.trainEpoch(
        epoch, 1, [&](const StepMetrics& metrics) { losses.push_back(metrics.result.loss); }, stop);
    accuracy = trainer.evaluate(stop);
  }
  CHECK(losses == run.losses);
  CHECK(accuracy.top1 == run.accuracy.top1);
}

TEST_CASE("a stopped epoch ends after the step under way") {
  Trainer trainer(smallOptions());
  std::atomic<bool> stop{false};
  int steps = 0;
  const auto stopAtSecond = [&](const StepMetrics&) { stop = ++steps == 2; };
  CHECK(trainer.trainEpoch(1, 1, stopAtSecond, stop) == 2);
  CHECK(steps == 2);
}

/// Compares the losses of two epochs that are stopped and go on with those of an uninterrupted run.
/// @param options  must give four steps per epoch
void checkGoesOn(const TrainerOptions& options) {
  const Run whole = twoEpochs(options);
  Trainer trainer(options);
  std::atomic<bool> stop{false};
  std::vector<double> losses;
  const auto record = [&](const StepMetrics& metrics) {
    losses.push_back(metrics.result.loss);
    stop = metrics.step == 3;
  };
  const auto last = trainer.trainEpoch(1, 1, record, stop);
  stop = false;
  CHECK(trainer.trainEpoch(1, last + 1, record, stop) == 4);
  trainer.trainEpoch(2, 1, record, stop);
  stop = false;
  trainer.trainEpoch(2, 4, record, stop);
  CHECK(losses == whole.losses);
}

TEST_CASE("an epoch that is stopped and goes on has the losses of an uninterrupted one") {
  checkGoesOn(smallOptions());
}

TEST_CASE("an epoch with BatchNorm groups, whose keys each step shuffles, can be stopped, too") {
  auto options = smallOptions();
  options.batchNormGroups = 4;
  checkGoesOn(options);
  CHECK(twoEpochs(options).losses != twoEpochs(smallOptions()).losses);
}

TEST_CASE("groups that do not divide the batch, or hold a single picture, are refused") {
  for (const int64_t groups : {3, 8, 16, 0}) {
    auto options = smallOptions();
    options.batchNormGroups = groups;
    CHECK_THROWS_WITH_AS(Trainer{options}, doctest::Contains("does not divide batchSize (8)"),
                         Error);
  }
}

TEST_CASE("a loss that is not finite names its step") {
  auto options = smallOptions();
  options.learningRate = 1e30;  // the first update ruins the parameters
  Trainer trainer(std::move(options));
  const std::atomic<bool> stop{false};
  int steps = 0;
  CHECK_THROWS_WITH_AS(trainer.trainEpoch(
                           3, 1, [&](const StepMetrics&) { ++steps; }, stop),
                       doctest::Contains("epoch 3, step 2: the"), Error);
  CHECK(steps == 1);
}

TEST_CASE("more neighbours or a larger batch than there are pictures is refused") {
  auto neighbours = smallOptions();
  neighbours.neighbours = 33;
  CHECK_THROWS_WITH_AS(Trainer{neighbours}, doctest::Contains("k: 33 is more than the 32"), Error);
  auto batch = smallOptions();
  batch.batchSize = 33;
  CHECK_THROWS_WITH_AS(Trainer{batch}, doctest::Contains("batchSize: 33"), Error);
}

TEST_CASE("a device or precision that is not there is refused with the reason") {
  auto cuda = smallOptions();
  cuda.device = "cuda:99";
  CHECK_THROWS_WITH_AS(Trainer{cuda}, doctest::Contains("device \"cuda:99\""), Error);
  auto bf16 = smallOptions();
  bf16.precision = "bf16";
  if (!cpuHasBf16()) CHECK_THROWS_WITH_AS(Trainer{bf16}, doctest::Contains("lacks it"), Error);
}
