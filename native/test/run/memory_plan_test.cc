#include "core/run/memory_plan.h"

#include <doctest/doctest.h>

#include "core/base/error.h"
#include "core/device/caching_allocator.h"
#include "core/device/device.h"
#include "core/evaluate/nearest_neighbours.h"
#include "core/run/trainer.h"

using namespace moco;

namespace {

constexpr int64_t kGibibyte = int64_t{1} << 30;

/// What a step sees, and how near the plan comes to what that takes.
struct Input {
  int64_t imageSize = 32;
  std::string stem = "cifar";
  double tolerance = 0.15;
};

MemoryDemand demandOf(const std::string& arch, at::ScalarType compute, int64_t batchSize,
                      const Input& input = {}) {
  return {.settings = {.encoder = {.arch = arch, .stem = input.stem, .featureDim = 128},
                       .contrast = {.m = 4096, .temperature = 0.5, .momentum = 0.999},
                       .optimiser = {.learningRate = 1e-3, .weightDecay = 1e-6},
                       .imageSize = input.imageSize,
                       .k = 1,
                       .batchSize = batchSize,
                       .seed = 1,
                       .compute = {.device = "cpu",
                                   .precision = compute == at::kFloat ? "fp32" : "bf16",
                                   .threads = 2,
                                   .dataThreads = 1}},
          .machine = {.device = at::kCPU,
                      .precision = {.compute = compute, .reason = {}},
                      .dataThreads = 1,
                      .recorders = {}},
          .trainPictures = 2 * batchSize,
          .testPictures = 1,
          .height = 32,
          .width = 32};
}

ImageStore pictures(int64_t count) {
  return {at::randint(256, {count, 32, 32, 3}, at::kByte), at::zeros({count}, at::kLong), 10};
}

/// The most bytes that are in use at once during a training step, the model included.
double measuredPeak(const MemoryDemand& demand) {
  installCachingAllocator();
  Dataset dataset{.train = pictures(demand.trainPictures),
                  .test = pictures(demand.testPictures),
                  .normalisation = {at::full({3}, .5f), at::full({3}, .25f)}};
  restartPeak();
  const size_t before = cachedMemory().inUse;
  Trainer trainer(demand.settings, std::move(dataset));
  std::atomic<bool> stop{false};
  trainer.trainEpoch(1, 1, [&](const StepMetrics&) { stop = true; }, stop);
  return static_cast<double>(cachedMemory().peak - before);
}

void checkMeasured(const std::string& arch, at::ScalarType compute, int64_t batchSize,
                   const Input& input = {}) {
  const MemoryDemand demand = demandOf(arch, compute, batchSize, input);
  const MemoryPlan plan = planMemory(demand);
  const auto planned = static_cast<double>(plan.model + plan.queue + plan.step);
  const double measured = measuredPeak(demand);
  INFO(arch, " ", compute, ", ", batchSize, " pictures of ", input.imageSize, ", ", input.stem,
       " stem: planned ", planned / 1e6, " MB, measured ", measured / 1e6, " MB");
  CHECK(planned > (1 - input.tolerance) * measured);
  CHECK(planned < (1 + input.tolerance) * measured);
}

}  // namespace

TEST_CASE("an optimiser that remembers one number of each parameter takes less than Adam") {
  MemoryDemand demand = demandOf("resnet18", at::kFloat, 8);
  const MemoryPlan adam = planMemory(demand);
  for (const std::string optimiser : {"sgd", "lars"}) {
    demand.settings.optimiser.optimiser = optimiser;
    const MemoryPlan plan = planMemory(demand);
    CHECK(plan.model * 5 == adam.model * 4);
    CHECK(plan.snapshot < adam.snapshot);
  }
}

TEST_CASE("the planned peak of a step is what it takes, within 15 per cent") {
  for (const int64_t batchSize : {8, 32, 128}) checkMeasured("resnet18", at::kFloat, batchSize);
  for (const int64_t batchSize : {8, 32}) checkMeasured("resnet50", at::kFloat, batchSize);
}

TEST_CASE("the planned peak of a step in bf16 is what it takes, within 15 per cent" *
          doctest::skip(!cpuHasBf16())) {
  for (const int64_t batchSize : {8, 32, 256}) checkMeasured("resnet18", at::kBFloat16, batchSize);
  for (const int64_t batchSize : {8, 32}) checkMeasured("resnet50", at::kBFloat16, batchSize);
}

TEST_CASE("the planned peak of a step on larger pictures is what it takes, within 20 per cent") {
  checkMeasured("resnet18", at::kFloat, 32, {64, "cifar"});
  checkMeasured("resnet18", at::kFloat, 32, {64, "imagenet"});
  // Here the peak is at the end of the backward pass, with what PyTorch needs for the 7×7
  // convolution.
  checkMeasured("resnet18", at::kFloat, 32, {96, "imagenet", 0.2});
  checkMeasured("resnet18", at::kFloat, 8, {224, "imagenet", 0.2});
  checkMeasured("resnet50", at::kFloat, 4, {224, "imagenet"});
}

TEST_CASE("the planned peak of a bf16 step on larger pictures is what it takes" *
          doctest::skip(!cpuHasBf16())) {
  checkMeasured("resnet18", at::kBFloat16, 16, {224, "imagenet", 0.2});
  checkMeasured("resnet50", at::kBFloat16, 8, {96, "cifar"});
}

TEST_CASE("the planned size of a snapshot is what it takes, but for the allocator's rounding") {
  installCachingAllocator();
  const MemoryDemand demand = demandOf("resnet18", at::kFloat, 8);
  const Trainer trainer(demand.settings,
                        {.train = pictures(demand.trainPictures),
                         .test = pictures(demand.testPictures),
                         .normalisation = {at::full({3}, .5f), at::full({3}, .25f)}});
  const size_t before = cachedMemory().inUse;
  const Snapshot snapshot = trainer.snapshot();
  const auto measured = static_cast<double>(cachedMemory().inUse - before);
  const auto planned = static_cast<double>(planMemory(demand).snapshot);
  CHECK(planned > 0.8 * measured);  // blocks are multiples of 2 MiB
  CHECK(planned < 1.01 * measured);
}

TEST_CASE("an evaluation without labels takes no more than is planned, and not much less") {
  installCachingAllocator();
  MemoryDemand demand = demandOf("resnet18", at::kFloat, 8);
  demand.testPictures = 1500;
  demand.canVote = false;
  auto test = pictures(demand.testPictures);
  test.labels.fill_(-1);
  Trainer trainer(demand.settings, {.train = pictures(demand.trainPictures),
                                    .test = test,
                                    .normalisation = {at::full({3}, .5f), at::full({3}, .25f)}});
  CHECK(trainer.memoryPlan().evaluation == planMemory(demand).evaluation);
  restartPeak();
  const size_t before = cachedMemory().inUse;
  trainer.evaluate(std::atomic<bool>(false));
  const auto measured = static_cast<double>(cachedMemory().peak - before);
  const auto planned = static_cast<double>(planMemory(demand).evaluation);
  INFO("planned ", planned / 1e6, " MB, measured ", measured / 1e6, " MB");
  CHECK(planned > measured);
  CHECK(planned < 2 * measured);
}

TEST_CASE("recorded work keeps its memory: that of steps and that of evaluations") {
  MemoryDemand demand = demandOf("resnet18", at::kFloat, 64);
  demand.trainPictures = 50'000;
  const MemoryPlan plain = planMemory(demand);
  demand.machine.recorders = [] { return std::unique_ptr<GraphRecorder>(); };
  const MemoryPlan recorded = planMemory(demand);
  CHECK(recorded.peak == recorded.model + recorded.queue + recorded.pictures + recorded.step +
                             recorded.evaluation + recorded.snapshot);
  CHECK(recorded.peak > plain.peak);
  constexpr int64_t kActivations = 256 * 64 * 32 * 32 * 4;  // bytes of a chunk in the first stage
  CHECK(recorded.evaluation - plain.evaluation >= 3 * kActivations);
}

TEST_CASE("folded weights keep their memory while training goes on") {
  MemoryDemand demand = demandOf("resnet18", at::kFloat, 64);
  const MemoryPlan plan = planMemory(demand);
  const int64_t folded =
      plan.peak - plan.model - plan.queue - plan.pictures - plan.step - plan.snapshot;
  constexpr int64_t kParameters = 11'000'000;  // of a ResNet-18, roughly
  CHECK(folded > 4 * kParameters);
}

TEST_CASE("there is an allowance for a GPU's libraries, and none on a CPU") {
  MemoryDemand demand = demandOf("resnet18", at::kFloat, 64);
  CHECK(planMemory(demand).libraries == 0);
  demand.machine.device = at::Device(at::kCUDA, 0);
  const MemoryPlan plan = planMemory(demand);
  CHECK(plan.libraries == kLibraryBytes);
  const int64_t tensors = plan.model + plan.queue + plan.pictures + plan.snapshot;
  CHECK(plan.peak >= tensors + kLibraryBytes + std::max(plan.step, plan.evaluation));
}

TEST_CASE("on a GPU, an evaluation has room for the similarities that it selects from at once") {
  MemoryDemand demand = demandOf("resnet50", at::kBFloat16, 64);
  demand.trainPictures = 50'000;
  demand.testPictures = 10'000;
  demand.settings.k = 200;
  const int64_t onCpu = planMemory(demand).evaluation;
  demand.machine.device = at::Device(at::kCUDA, 0);
  const int64_t onGpu = planMemory(demand).evaluation;
  constexpr int64_t kPiece = 3355;  // features of the bank that are compared at once
  CHECK(onGpu - onCpu >= demand.testPictures * kPiece * kSelectedBytes);
  demand.trainPictures = 1000;  // fewer than a piece
  CHECK(planMemory(demand).evaluation < onGpu);
}

TEST_CASE("a chosen batch is the largest power of two that fits in nine tenths of the memory") {
  MemoryDemand demand = demandOf("resnet50", at::kBFloat16, 0);
  demand.trainPictures = 50'000;
  demand.machine.device = at::Device(at::kCUDA, 0);
  const auto peakOf = [&](int64_t batch) {
    demand.settings.batchSize = batch;
    return planMemory(demand).peak;
  };
  const auto room = [](int64_t peak) { return peak * 10 / 9 + kGibibyte / 100; };
  CHECK(chooseBatch(demand, room(peakOf(256))) == 256);
  CHECK(chooseBatch(demand, peakOf(256)) == 128);
  CHECK(chooseBatch(demand, 1000 * kGibibyte) == 1024);
  demand.trainPictures = 600;
  CHECK(chooseBatch(demand, 1000 * kGibibyte) == 512);
  demand.trainPictures = 20;
  CHECK(chooseBatch(demand, 1000 * kGibibyte) == 16);
  demand.trainPictures = 50'000;
  demand.machine.device = at::kCPU;
  CHECK(chooseBatch(demand, 1000 * kGibibyte) == 256);
}

TEST_CASE("if not even the smallest batch fits, the error says what it would take") {
  MemoryDemand demand = demandOf("resnet50", at::kFloat, 0);
  demand.trainPictures = 50'000;
  CHECK_THROWS_WITH_AS(chooseBatch(demand, kGibibyte / 2),
                       doctest::Contains("even 32 pictures would take"), Error);
}
