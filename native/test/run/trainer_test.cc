#include "core/run/trainer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/base/error.h"
#include "support/graph_double.h"
#include "support/processes.h"
#include "support/temporary_folder.h"

using namespace moco;

namespace {

ImageStore noise(int64_t count, uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  const auto pixels = at::randint(256, {count, 8, 8, 3}, generator, at::kByte);
  return {pixels, at::arange(count).remainder(10), 10};
}

Dataset smallDataset() {
  return {.train = noise(32, 1),
          .test = noise(12, 2),
          .normalisation = {at::full({3}, .5f), at::full({3}, .25f)}};
}

TrainerSettings smallSettings() {
  return {.encoder = {.arch = "resnet18", .featureDim = 16},
          .contrast = {.m = 24, .temperature = 0.2, .momentum = 0.99},
          .optimiser = {.learningRate = 1e-3, .weightDecay = 1e-6},
          .imageSize = 8,
          .k = 7,
          .batchSize = 8,
          .seed = 11,
          .compute = {.device = "cpu", .precision = "fp32", .dataThreads = 1}};
}

struct Run {
  std::vector<double> losses;
  Accuracy accuracy{};
};

Run twoEpochs(const TrainerSettings& settings, const Peers& peers = {}) {
  Trainer trainer(settings, smallDataset(), {}, {}, peers);
  const std::atomic<bool> stop{false};
  Run run;
  for (int64_t epoch = 1; epoch <= 2; ++epoch) {
    trainer.trainEpoch(
        epoch, 1, [&](const StepMetrics& metrics) { run.losses.push_back(metrics.result.loss); },
        stop);
  }
  run.accuracy = trainer.evaluate(stop).knn.value();
  return run;
}

void refused(const TrainerSettings& settings, const char* message) {
  CHECK_THROWS_WITH_AS(Trainer(settings, smallDataset()), doctest::Contains(message), Error);
}

}  // namespace

TEST_CASE("the same seed gives the same run, bit for bit, with any number of data threads") {
  const Run run = twoEpochs(smallSettings());
  CHECK(run.losses.size() == 8);
  auto threads = smallSettings();
  threads.compute.dataThreads = 3;
  const Run again = twoEpochs(threads);
  CHECK(again.losses == run.losses);
  CHECK(again.accuracy.top1 == run.accuracy.top1);
  auto seed = smallSettings();
  seed.seed = 12;
  CHECK(twoEpochs(seed).losses != run.losses);
}

TEST_CASE("each step of a schedule has its own rate, which the metrics show") {
  auto settings = smallSettings();
  settings.epochs = 2;
  settings.optimiser.learningRate = 0.1;
  settings.optimiser.optimiser = "sgd";
  settings.optimiser.schedule = {
      .schedule = "cosine", .scaleLearningRate = "linear", .warmupEpochs = 0.5};
  Trainer trainer(settings, smallDataset());
  const LearningRateSchedule expected(settings.optimiser, settings.batchSize,
                                      {.stepsPerEpoch = 4, .steps = 8});
  const std::atomic<bool> stop{false};
  std::vector<double> rates;
  for (int64_t epoch = 1; epoch <= 2; ++epoch) {
    trainer.trainEpoch(
        epoch, 1, [&](const StepMetrics& metrics) { rates.push_back(metrics.learningRate); }, stop);
  }
  REQUIRE(rates.size() == 8);
  for (int64_t step = 0; step < 8; ++step) CHECK(rates[step] == expected.at(step));
  CHECK(rates[0] == 0);
  CHECK(rates[2] == doctest::Approx(0.1 * 8 / 256));
}

TEST_CASE("a run trains on the views that its settings describe, which grow") {
  auto settings = smallSettings();
  settings.imageSize = 16;
  settings.epochs = 2;
  const auto firstLoss = [&](double growFrom, double blur) {
    auto changed = settings;
    changed.views.growFrom = growFrom;
    changed.views.growUntil = 0.5;
    for (ViewGroup& group : changed.views.views) group.transform.blur = blur;
    Trainer trainer(changed, smallDataset());
    std::atomic<bool> stop{false};
    double loss = 0;
    const auto record = [&](const StepMetrics& metrics) {
      loss = metrics.result.loss;
      stop = true;
    };
    trainer.trainEpoch(1, 1, record, stop);
    return loss;
  };
  const double plain = firstLoss(1, 0);
  CHECK(firstLoss(0.5, 0) != plain);
  CHECK(firstLoss(1, 1) != plain);
  settings.views.views.push_back({.role = "teacher"});
  CHECK(firstLoss(1, 0) != plain);
}

TEST_CASE("processes train and evaluate as one does with as many BatchNorm groups") {
  auto settings = smallSettings();
  settings.batchSize = 16;
  settings.encoder.batchNormGroups = 2;
  settings.views.views.push_back({.role = "both"});
  const Run one = twoEpochs(settings);
  std::vector<Run> runs(2);
  asProcesses(2, [&](const Peers& peers) { runs[peers.rank()] = twoEpochs(settings, peers); });
  CHECK(runs[1].losses == runs[0].losses);
  CHECK(runs[1].accuracy.top1 == runs[0].accuracy.top1);
  REQUIRE(runs[0].losses.size() == one.losses.size());
  for (size_t step = 0; step < one.losses.size(); ++step) {
    CHECK(runs[0].losses[step] ==
          doctest::Approx(one.losses[step]).epsilon(step == 0 ? 1e-5 : 2e-2));
  }
  settings.encoder.batchNormGroups = 1;
  asProcesses(2, [&](const Peers& peers) {
    CHECK_THROWS_WITH_AS(Trainer(settings, smallDataset(), {}, {}, peers),
                         doctest::Contains("cannot be shared out among the 2 processes"), Error);
  });
}

TEST_CASE("processes that share out an evaluation find what one finds alone") {
  const std::atomic<bool> stop{false};
  Trainer alone(smallSettings(), smallDataset());
  const Evaluation expected = alone.evaluate(stop);
  auto settings = smallSettings();
  settings.encoder.batchNormGroups = 2;
  asProcesses(2, [&](const Peers& peers) {
    Trainer trainer(settings, smallDataset(), {}, {}, peers);
    const Evaluation found = trainer.evaluate(stop);
    CHECK(found.knn->top1 == expected.knn->top1);
    CHECK(found.knn->top5 == expected.knn->top5);
    CHECK(found.measures->uniformity == doctest::Approx(expected.measures->uniformity));
  });
}

TEST_CASE("a stop that one process is asked for ends the epoch of all after the same step") {
  auto settings = smallSettings();
  settings.encoder.batchNormGroups = 2;
  std::vector<int64_t> last(2);
  asProcesses(2, [&](const Peers& peers) {
    Trainer trainer(settings, smallDataset(), {}, {}, peers);
    std::atomic<bool> stop{false};
    const auto onStep = [&](const StepMetrics& metrics) {
      if (peers.rank() == 1 && metrics.step == 2) stop = true;
    };
    last[peers.rank()] = trainer.trainEpoch(1, 1, onStep, stop);
  });
  CHECK(last == std::vector<int64_t>{2, 2});
}

TEST_CASE("an evaluation between epochs does not change the run") {
  const Run run = twoEpochs(smallSettings());
  Trainer trainer(smallSettings(), smallDataset());
  const std::atomic<bool> stop{false};
  std::vector<double> losses;
  Accuracy accuracy{};
  for (int64_t epoch = 1; epoch <= 2; ++epoch) {
    trainer.trainEpoch(
        epoch, 1, [&](const StepMetrics& metrics) { losses.push_back(metrics.result.loss); }, stop);
    accuracy = trainer.evaluate(stop).knn.value();
  }
  CHECK(losses == run.losses);
  CHECK(accuracy.top1 == run.accuracy.top1);
}

TEST_CASE("an evaluation measures the same again, and the training between changes it") {
  Trainer trainer(smallSettings(), smallDataset());
  const std::atomic<bool> stop{false};
  const auto measured = [&] {
    std::vector<double> values;
    const auto measures = trainer.evaluate(stop).measures.value();
    measures.each([&](const char*, double value) { values.push_back(value); });
    return values;
  };
  const auto before = measured();
  CHECK(measured() == before);
  trainer.trainEpoch(1, 1, [](const StepMetrics&) {}, stop);
  CHECK(measured() != before);
}

TEST_CASE("without labels, an evaluation only measures what needs none") {
  for (const bool hasTrainLabels : {false, true}) {
    auto dataset = smallDataset();
    (hasTrainLabels ? dataset.test : dataset.train).labels.fill_(-1);
    auto settings = smallSettings();
    if (!hasTrainLabels) settings.k = 1000;  // nobody votes
    Trainer trainer(settings, dataset);
    const auto evaluation = trainer.evaluate(std::atomic<bool>(false));
    CHECK_FALSE(evaluation.knn);
    CHECK(evaluation.measures);
  }
}

TEST_CASE("a single test picture is classified, and nothing else is measured") {
  auto dataset = smallDataset();
  dataset.test = noise(1, 2);
  Trainer trainer(smallSettings(), dataset);
  const auto evaluation = trainer.evaluate(std::atomic<bool>(false));
  CHECK(evaluation.knn);
  CHECK_FALSE(evaluation.measures);
}

TEST_CASE("pictures without label neither vote nor are they classified") {
  const auto evaluated = [](const Dataset& dataset) {
    return Trainer(smallSettings(), dataset).evaluate(std::atomic<bool>(false)).knn.value();
  };
  const auto labelled = [](const ImageStore& store, int64_t every) {
    ImageStore partly = store;
    partly.labels = at::where(at::arange(store.count()).remainder(every).eq(0), store.labels, -1);
    return partly;
  };
  const auto part = [](const ImageStore& store, int64_t every) {
    return ImageStore{store.pixels.slice(0, 0, store.count(), every).contiguous(),
                      store.labels.slice(0, 0, store.count(), every).contiguous(), store.classes};
  };
  auto partly = smallDataset();
  partly.train = labelled(partly.train, 2);
  partly.test = labelled(partly.test, 3);
  auto alone = smallDataset();
  alone.train = part(alone.train, 2);
  alone.test = part(alone.test, 3);
  CHECK(evaluated(partly).top1 == evaluated(alone).top1);
  CHECK(evaluated(partly).top5 == evaluated(alone).top5);
  auto settings = smallSettings();
  settings.k = 17;
  CHECK_THROWS_WITH_AS(Trainer(settings, partly),
                       "k: 17 is more than the 16 training pictures that have labels", Error);
}

TEST_CASE("a stopped epoch ends after the step under way") {
  Trainer trainer(smallSettings(), smallDataset());
  std::atomic<bool> stop{false};
  int steps = 0;
  const auto stopAtSecond = [&](const StepMetrics&) { stop = ++steps == 2; };
  CHECK(trainer.trainEpoch(1, 1, stopAtSecond, stop) == 2);
  CHECK(steps == 2);
}

TEST_CASE("an epoch that has a last step ends there, as far as a whole one was by then") {
  const std::vector<double> whole = twoEpochs(smallSettings()).losses;
  Trainer trainer(smallSettings(), smallDataset());
  const std::atomic<bool> stop{false};
  std::vector<double> losses;
  const auto record = [&](const StepMetrics& metrics) { losses.push_back(metrics.result.loss); };
  CHECK(trainer.trainEpoch(1, 1, record, stop, /*lastStep=*/3) == 3);
  CHECK(losses == std::vector<double>(whole.begin(), whole.begin() + 3));
  CHECK(trainer.trainEpoch(1, 4, record, stop, /*lastStep=*/3) == 3);  // nothing is left
  CHECK(losses.size() == 3);
}

TEST_CASE("the temperature of the kNN vote is its own, and not that of training") {
  const auto accuracy = [](double training, double vote) {
    auto settings = smallSettings();
    settings.contrast.temperature = training;
    settings.knnTemperature = vote;
    settings.k = 32;  // all vote, so that only their weights decide
    Trainer trainer(settings, smallDataset());
    const std::atomic<bool> stop{false};
    const Accuracy measured = trainer.evaluate(stop).knn.value();
    return std::vector<double>{measured.top1, measured.top5};
  };
  CHECK(accuracy(0.2, 0.02) == accuracy(5, 0.02));
  CHECK(accuracy(0.2, 0.02) != accuracy(0.2, 100));
}

/// Compares the losses of two epochs that are stopped and go on with those of an uninterrupted run.
/// @param settings  must give four steps per epoch
void checkGoesOn(const TrainerSettings& settings) {
  const Run whole = twoEpochs(settings);
  Trainer trainer(settings, smallDataset());
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
  checkGoesOn(smallSettings());
}

TEST_CASE("an epoch with BatchNorm groups, whose keys each step shuffles, can be stopped, too") {
  auto settings = smallSettings();
  settings.encoder.batchNormGroups = 4;
  checkGoesOn(settings);
  CHECK(twoEpochs(settings).losses != twoEpochs(smallSettings()).losses);
}

TEST_CASE("a snapshot is of the state as it was, and another thread can write it meanwhile") {
  const TemporaryFolder folder;
  Trainer trainer(smallSettings(), smallDataset());
  const std::atomic<bool> stop{false};
  trainer.trainEpoch(1, 1, [](const StepMetrics&) {}, stop);
  const auto write = [&](const Snapshot& snapshot, const std::string& name) {
    snapshot.saveModel(folder.path / (name + ".pth"), "{}");
    snapshot.saveCheckpoint(folder.path / name, folder.path / (name + ".previous"), "{}");
  };
  write(trainer.snapshot(), "at once");
  {
    const Snapshot snapshot = trainer.snapshot();
    std::thread writer([&] { write(snapshot, "meanwhile"); });
    trainer.trainEpoch(2, 1, [](const StepMetrics&) {}, stop);
    writer.join();
    write(snapshot, "later");
  }
  write(trainer.snapshot(), "of another state");
  for (const std::string end : {"", ".pth"}) {
    const std::string expected = contents(folder.path / ("at once" + end));
    CHECK(contents(folder.path / ("meanwhile" + end)) == expected);
    CHECK(contents(folder.path / ("later" + end)) == expected);
    CHECK(contents(folder.path / ("of another state" + end)) != expected);
  }
}

TEST_CASE("a checkpoint has the predictor, which a model's file leaves out") {
  const TemporaryFolder folder;
  auto settings = smallSettings();
  settings.encoder.predictorLayers = 2;
  const Trainer trainer(settings, smallDataset());
  const Snapshot snapshot = trainer.snapshot();
  snapshot.saveModel(folder.path / "model.pth", "{}");
  snapshot.saveCheckpoint(folder.path / "checkpoint", folder.path / "previous", "{}");
  const std::string model = contents(folder.path / "model.pth");
  CHECK(model.find("g.3.weight") != std::string::npos);
  CHECK(model.find("h.3.weight") == std::string::npos);
  const std::string checkpoint = contents(folder.path / "checkpoint");
  CHECK(checkpoint.find("query.h.3.weight") != std::string::npos);
  CHECK(checkpoint.find("key.h.3.weight") == std::string::npos);
}

TEST_CASE("steps and evaluations that cannot be recorded are warned about, each once") {
  GraphLog log;
  log.failure = "not permitted when stream is capturing";
  auto dataset = smallDataset();
  dataset.train = noise(256, 1);  // a whole chunk, as evaluations record them
  auto settings = smallSettings();
  settings.batchSize = 64;
  Trainer trainer(settings, dataset, {}, [&] { return std::make_unique<GraphDouble>(log); });
  const std::atomic<bool> stop{false};
  trainer.trainEpoch(1, 1, [](const StepMetrics&) {}, stop);
  const std::string reason =
      " without a CUDA graph, slower: recording one failed (not permitted when stream is "
      "capturing)";
  CHECK(trainer.takeWarnings() == std::vector<std::string>{"the steps run" + reason});
  for (int evaluation = 0; evaluation < 4; ++evaluation) trainer.evaluate(stop);
  CHECK(trainer.takeWarnings() == std::vector<std::string>{"evaluations run" + reason});
}

TEST_CASE("groups that do not divide the batch, or hold a single picture, are refused") {
  for (const int64_t groups : {3, 8, 16, 0}) {
    auto settings = smallSettings();
    settings.encoder.batchNormGroups = groups;
    refused(settings, "does not divide batchSize (8)");
  }
}

TEST_CASE("a loss that is not finite names its step") {
  auto settings = smallSettings();
  settings.optimiser.learningRate = 1e30;  // the first update ruins the parameters
  Trainer trainer(settings, smallDataset());
  const std::atomic<bool> stop{false};
  int steps = 0;
  CHECK_THROWS_WITH_AS(trainer.trainEpoch(
                           3, 1, [&](const StepMetrics&) { ++steps; }, stop),
                       doctest::Contains("epoch 3, step 2: the"), Error);
  CHECK(steps == 1);
}

TEST_CASE("more neighbours or a larger batch than there are pictures is refused") {
  auto neighbours = smallSettings();
  neighbours.k = 33;
  refused(neighbours, "k: 33 is more than the 32");
  auto batch = smallSettings();
  batch.batchSize = 33;
  refused(batch, "batchSize: 33");
}

TEST_CASE("a device that is not there is refused with the reason") {
  auto cuda = smallSettings();
  cuda.compute.device = "cuda:99";
  refused(cuda, "device \"cuda:99\"");
}

TEST_CASE("bf16 is refused where the processor lacks it" * doctest::skip(cpuHasBf16())) {
  auto bf16 = smallSettings();
  bf16.compute.precision = "bf16";
  refused(bf16, "precision \"bf16\" cannot be used: ");
}

TEST_CASE("a number of threads that is not positive is refused") {
  auto threads = smallSettings();
  threads.compute.threads = 0;
  refused(threads, "threads: 0 is not positive");
  auto dataThreads = smallSettings();
  dataThreads.compute.dataThreads = -1;
  refused(dataThreads, "dataThreads: -1 is not positive");
}

TEST_CASE("runs with other losses, negatives and key encoders are each their own") {
  const auto lossesOf = [](const auto& change) {
    auto settings = smallSettings();
    change(settings.contrast);
    return twoEpochs(settings).losses;
  };
  const auto reference = lossesOf([](ContrastSettings&) {});
  const auto masked = lossesOf([](ContrastSettings& contrast) { contrast.maskSame = true; });
  // Until the first pictures come again, there is nothing to leave out.
  CHECK(std::equal(masked.begin(), masked.begin() + 4, reference.begin()));
  CHECK(masked != reference);
  const auto accumulated = lossesOf([](ContrastSettings& contrast) { contrast.accumulate = 2; });
  CHECK(accumulated.size() == 4);
  CHECK(accumulated.front() != reference.front());
  const auto share = [](ContrastSettings& contrast) {
    contrast.keyEncoder = "shared";
    contrast.negatives = "batch";
  };
  const auto shared = lossesOf(share);
  CHECK(shared.size() == 8);
  CHECK(shared.front() != reference.front());
  CHECK(shared == lossesOf(share));
}
