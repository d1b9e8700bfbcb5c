#include "core/run/evaluator.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/base/error.h"
#include "core/run/trainer.h"
#include "support/formula.h"

using namespace moco;

namespace {

const std::atomic<bool> kGo{false};

ImageStore noise(int64_t count, uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  const auto pixels = at::randint(256, {count, 8, 8, 3}, generator, at::kByte);
  return {pixels, at::arange(count).remainder(10), 10};
}

StateDict formulaModel() {
  Encoder encoder({.settings = {.arch = "resnet18", .featureDim = 0},
                   .device = at::kCPU,
                   .compute = at::kFloat});
  formula::fill(encoder);
  return encoder.stateDict();
}

Dataset smallDataset() {
  return {.train = noise(29, 1),
          .test = noise(12, 2),
          .normalisation = {at::full({3}, .5f), at::full({3}, .25f)},
          .validation = noise(10, 3)};
}

EvaluatorSettings smallSettings() {
  return {.encoder = {.arch = "resnet18", .featureDim = 0},
          .imageSize = 8,
          .seed = 11,
          .compute = {.device = "cpu", .precision = "fp32", .dataThreads = 1}};
}

LinearSettings linearSettings(bool frozen = false) {
  return {.batchSize = 8, .adam = {.learningRate = 1e-2, .weightDecay = 1e-6}, .frozenBn = frozen};
}

const auto ignore = [](const LinearStep&) {};

std::vector<double> numbers(const LinearMetrics& metrics) {
  return {metrics.loss, metrics.accuracy.top1, metrics.accuracy.top5};
}

/// The metrics of two epochs, and of the test after each.
std::vector<double> twoEpochs(Evaluator& evaluator, const LinearSettings& settings) {
  evaluator.startLinear(settings);
  std::vector<double> all;
  for (int64_t epoch = 1; epoch <= 2; ++epoch) {
    for (const auto& metrics :
         {evaluator.trainLinearEpoch(epoch, ignore, kGo), evaluator.testLinear(kGo)}) {
      for (const double number : numbers(metrics)) all.push_back(number);
    }
  }
  return all;
}

}  // namespace

TEST_CASE("a linear evaluation is the same from the same seed, with any number of data threads") {
  Evaluator evaluator(smallSettings(), smallDataset(), formulaModel());
  const auto run = twoEpochs(evaluator, linearSettings());
  // A second run on the same evaluator gives the same: nothing is left of the first.
  CHECK(twoEpochs(evaluator, linearSettings()) == run);
  auto threads = smallSettings();
  threads.compute.dataThreads = 3;
  Evaluator other(threads, smallDataset(), formulaModel());
  CHECK(twoEpochs(other, linearSettings()) == run);
  auto seed = smallSettings();
  seed.seed = 12;
  Evaluator different(seed, smallDataset(), formulaModel());
  CHECK(twoEpochs(different, linearSettings()) != run);
}

TEST_CASE("an epoch's metrics are the means over all its pictures, the last batch included") {
  Evaluator evaluator(smallSettings(), smallDataset(), formulaModel());
  evaluator.startLinear(linearSettings());
  std::vector<LinearStep> steps;
  const auto metrics =
      evaluator.trainLinearEpoch(1, [&](const LinearStep& step) { steps.push_back(step); }, kGo);
  REQUIRE(steps.size() == 4);
  double loss = 0;
  for (size_t i = 0; i < steps.size(); ++i) {
    CHECK(steps[i].number == static_cast<int64_t>(i) + 1);
    CHECK(steps[i].pictures == (i < 3 ? 8 : 5));
    loss += steps[i].loss * static_cast<double>(steps[i].pictures);
  }
  CHECK(metrics.loss == doctest::Approx(loss / 29));
  const double hits = metrics.accuracy.top1 * 29 / 100;
  CHECK(hits == doctest::Approx(std::round(hits)));
}

TEST_CASE("kNN is the trainer's, at several temperatures in one pass") {
  const Dataset data = smallDataset();
  const EvaluatorSettings settings = smallSettings();
  TrainerSettings trained{.encoder = {.arch = settings.encoder.arch, .featureDim = 16},
                          .contrast = {.m = 24, .temperature = 0.1, .momentum = 0.99},
                          .optimiser = {.learningRate = 1e-3, .weightDecay = 1e-6},
                          .imageSize = settings.imageSize,
                          .k = 7,
                          .batchSize = 8,
                          .seed = settings.seed,
                          .compute = {}};
  trained.compute = settings.compute;
  Trainer trainer(trained, data);
  Encoder encoder({.settings = {.arch = settings.encoder.arch, .featureDim = 16},
                   .device = at::kCPU,
                   .compute = at::kFloat});
  encoder.initialise(11);  // as the trainer's query encoder starts
  Evaluator evaluator(settings, data, encoder.stateDict());
  const auto results = evaluator.knn({7, {0.5, 0.1}}, kGo);
  REQUIRE(results.size() == 2);
  const Accuracy expected = trainer.evaluate(kGo).knn.value();
  CHECK(results[1].temperature == 0.1);
  CHECK(results[1].accuracy.top1 == expected.top1);
  CHECK(results[1].accuracy.top5 == expected.top5);
  for (const auto& result : results) {
    const double correct = result.confusion.trace().item<double>();
    CHECK(result.confusion.sum().item<int64_t>() == 12);
    CHECK(result.accuracy.top1 == doctest::Approx(100 * correct / 12));
    const auto perClass = at::bincount(data.test.labels, {}, 10);
    CHECK(result.confusion.sum(1).equal(perClass));
  }
}

TEST_CASE("kNN and the sweep use the model's backbone, not what a linear evaluation has moved") {
  Evaluator evaluator(smallSettings(), smallDataset(), formulaModel());
  const SweepSettings sweep{
      .learningRates = {1e-2}, .batchSize = 8, .epochs = 2, .weightDecay = 1e-6};
  const auto knn = evaluator.knn({5, {0.1}}, kGo).front().accuracy;
  const auto swept = numbers(evaluator.sweep(sweep, kGo).front().test);
  const auto linear = twoEpochs(evaluator, linearSettings());
  CHECK(evaluator.knn({5, {0.1}}, kGo).front().accuracy.top5 == knn.top5);
  CHECK(numbers(evaluator.sweep(sweep, kGo).front().test) == swept);
}

TEST_CASE("a sweep measures every learning rate on all splits") {
  Evaluator evaluator(smallSettings(), smallDataset(), formulaModel());
  const SweepSettings settings{
      .learningRates = {1e-6, 1e-2, 1e-1}, .batchSize = 8, .epochs = 30, .weightDecay = 1e-6};
  const auto results = evaluator.sweep(settings, kGo);
  REQUIRE(results.size() == 3);
  // A classifier of 512 features can learn the noise by heart, but hardly at a learning rate of
  // 1e-6.
  CHECK(results[0].train.accuracy.top1 < 50);
  CHECK(results[1].train.accuracy.top1 > 90);
  for (size_t i = 0; i < results.size(); ++i) {
    CHECK(results[i].learningRate == settings.learningRates[i]);
    CHECK(results[i].validation);
    CHECK(std::isfinite(results[i].test.loss));
    // A learning rate gives the same result alone as beside the others.
    auto alone = settings;
    alone.learningRates = {settings.learningRates[i]};
    CHECK(evaluator.sweep(alone, kGo).front().test.loss ==
          doctest::Approx(results[i].test.loss).epsilon(1e-4));
  }
}

TEST_CASE("without validation pictures a sweep has no validation") {
  Dataset dataset = smallDataset();
  dataset.validation = std::nullopt;
  Evaluator evaluator(smallSettings(), dataset, formulaModel());
  const auto results = evaluator.sweep(
      {.learningRates = {1e-2}, .batchSize = 8, .epochs = 1, .weightDecay = 0}, kGo);
  CHECK_FALSE(results.front().validation);
}

TEST_CASE("every kind of evaluation ends soon after it is stopped") {
  Evaluator evaluator(smallSettings(), smallDataset(), formulaModel());
  const std::atomic<bool> stopped{true};
  CHECK_THROWS_WITH_AS(evaluator.knn({5, {0.1}}, stopped), doctest::Contains("was stopped"), Error);
  CHECK_THROWS_WITH_AS(evaluator.sweep({{1e-2}, 8, 1, 0}, stopped),
                       doctest::Contains("was stopped"), Error);
  evaluator.startLinear(linearSettings());
  CHECK_THROWS_WITH_AS(evaluator.testLinear(stopped), doctest::Contains("was stopped"), Error);
  std::atomic<bool> stop{false};
  int steps = 0;
  const auto stopAtSecond = [&](const LinearStep&) { stop = ++steps == 2; };
  CHECK_THROWS_WITH_AS(evaluator.trainLinearEpoch(1, stopAtSecond, stop),
                       doctest::Contains("was stopped"), Error);
  CHECK(steps == 2);
}

TEST_CASE("features that are not finite are an error that names the step") {
  auto model = formulaModel();
  model[0].second = model[0].second.clone();
  model[0].second[0][0][0][0] = std::numeric_limits<float>::quiet_NaN();
  Evaluator evaluator(smallSettings(), smallDataset(), model);
  evaluator.startLinear(linearSettings(true));
  CHECK_THROWS_WITH_AS(evaluator.trainLinearEpoch(3, ignore, kGo),
                       doctest::Contains("epoch 3, step 1: the loss is"), Error);
  CHECK_THROWS_WITH_AS(evaluator.knn({5, {0.1}}, kGo), doctest::Contains("features are not finite"),
                       Error);
}

TEST_CASE("what cannot be evaluated is refused") {
  const auto refused = [](auto change, const char* message) {
    EvaluatorSettings settings = smallSettings();
    Dataset dataset = smallDataset();
    change(settings, dataset);
    CHECK_THROWS_WITH_AS(Evaluator(settings, dataset, formulaModel()), doctest::Contains(message),
                         Error);
  };
  refused([](auto& settings, auto&) { settings.encoder.arch = "resnet50"; }, "f.3.0.conv1.weight");
  refused([](auto& settings, auto&) { settings.encoder.stem = "imagenet"; }, "f.0.weight");
  refused([](auto&, auto& dataset) { dataset.test = noise(0, 1); }, "test pictures: 0");

  Evaluator evaluator(smallSettings(), smallDataset(), formulaModel());
  CHECK_THROWS_WITH_AS(evaluator.knn({30, {0.1}}, kGo), doctest::Contains("k: 30"), Error);
  CHECK_THROWS_WITH_AS(evaluator.knn({5, {1e-3}}, kGo), doctest::Contains("temperature: at 0.001"),
                       Error);
  auto batch = linearSettings();
  batch.batchSize = 0;
  CHECK_THROWS_WITH_AS(evaluator.startLinear(batch), doctest::Contains("batchSize: 0"), Error);
  CHECK_THROWS_WITH_AS(evaluator.sweep({{1e-2}, 8, 0, 0}, kGo), doctest::Contains("epochs: 0"),
                       Error);
  CHECK_THROWS_WITH_AS(evaluator.sweep({{}, 8, 1, 0}, kGo), doctest::Contains("learning rates: 0"),
                       Error);
}
