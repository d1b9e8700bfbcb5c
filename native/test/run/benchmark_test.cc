#include "core/run/benchmark.h"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <set>
#include <string>

#include "core/base/error.h"
#include "support/graph_double.h"

using namespace moco;

namespace {

BenchmarkSettings smallSettings() {
  return {.arch = "resnet18",
          .stem = "cifar",
          .width = 0.25,
          .imageSize = 32,
          .storedSize = 32,
          .batchSize = 2,
          .m = 8,
          .matrix = 64,
          .compute = {.device = "cpu", .precision = "fp32", .dataThreads = 1}};
}

const std::atomic<bool> kGoOn{false};

}  // namespace

TEST_CASE("a step goes through each of its phases once") {
  Benchmark benchmark(smallSettings());
  const auto measured = benchmark.steps(0, Profiler::Detail::kPhases, kGoOn);
  CHECK(measured.steps == 1);
  std::map<std::string, int64_t> calls;
  double sum = 0;
  for (const auto& time : measured.times) {
    CHECK(time.name == time.phase);
    calls[time.phase] += time.calls;
    sum += time.seconds;
  }
  // The phase "input" makes both views ready for the encoders.
  CHECK(calls == std::map<std::string, int64_t>{
                     {"wait", 1}, {"input", 1}, {"forward", 1}, {"backward", 1}, {"update", 1}});
  CHECK(sum <= measured.seconds);
}

TEST_CASE("a profile tells the convolutions of forward and backward from the optimiser") {
  Benchmark benchmark(smallSettings());
  const auto measured = benchmark.steps(0, Profiler::Detail::kOperators, kGoOn);
  std::map<std::string, std::set<std::string>> operators;
  for (const auto& time : measured.times) operators[time.phase].insert(time.name);
  CHECK(operators["forward"].contains("aten::convolution"));
  CHECK(operators["backward"].contains("aten::convolution_backward"));
  CHECK(operators["update"].contains("aten::_fused_adam_"));
}

TEST_CASE("extraction, matrix product, augmentation and kNN are timed") {
  Benchmark benchmark(smallSettings());
  const auto extraction = benchmark.extraction(0, kGoOn);
  CHECK(extraction.first > 0);
  CHECK(extraction.perPicture > 0);
  CHECK(benchmark.augmentation(0, kGoOn) > 0);
  CHECK(benchmark.matrixProduct(0, kGoOn) > 0);
  CHECK(benchmark.knn({.bank = 300, .queries = 5, .k = 7}, kGoOn) > 0);
  CHECK(benchmark.featureLength() == 128);
}

TEST_CASE("the first step of a model is timed, too") {
  Benchmark benchmark(smallSettings());
  CHECK(benchmark.steps(0, Profiler::Detail::kPhases, kGoOn).warmUp > 0);
}

TEST_CASE("fused and plain kernels of the folded backbone are timed") {
  Benchmark benchmark(smallSettings());
  const auto times = benchmark.folded(0, kGoOn);
  CHECK(times.pictures == 16);
  CHECK(times.fused > 0);
  CHECK(times.plain > 0);
  CHECK(times.fallbacks.empty());
}

TEST_CASE("a benchmark fails where a CUDA graph was to be measured and recording it failed") {
  GraphLog log;
  const auto recorder = [&] { return std::make_unique<GraphDouble>(log); };
  const auto refused = [](const auto& run) {
    CHECK_THROWS_WITH_AS(
        run(), doctest::Contains("recording it failed: not permitted when stream is capturing"),
        Error);
  };
  SUBCASE("in a step") {
    Benchmark benchmark(smallSettings(), recorder);
    log.failure = "not permitted when stream is capturing";
    // The first two steps are plain, because libraries choose their algorithms in them.
    benchmark.steps(0, Profiler::Detail::kPhases, kGoOn);
    refused([&] { benchmark.steps(0, Profiler::Detail::kPhases, kGoOn); });
  }
  SUBCASE("in an extraction") {
    auto settings = smallSettings();
    settings.batchSize = 4;  // enough pictures for a whole chunk, which is what is recorded
    Benchmark benchmark(settings, recorder);
    log.failure = "not permitted when stream is capturing";
    refused([&] { benchmark.extraction(0, kGoOn); });
  }
  SUBCASE("and goes on where recording works") {
    Benchmark benchmark(smallSettings(), recorder);
    for (int round = 0; round < 2; ++round) {
      benchmark.steps(0, Profiler::Detail::kPhases, kGoOn);
    }
    CHECK(log.recorded == 2);
  }
}

TEST_CASE("a benchmark ends when it is stopped") {
  Benchmark benchmark(smallSettings());
  const std::atomic<bool> stop{true};
  const auto stopped = [](const auto& run) {
    CHECK_THROWS_WITH_AS(run(), doctest::Contains("stopped"), Error);
  };
  stopped([&] { benchmark.steps(1e9, Profiler::Detail::kPhases, stop); });
  stopped([&] { benchmark.extraction(1e9, stop); });
  stopped([&] { benchmark.folded(1e9, stop); });
  stopped([&] { benchmark.matrixProduct(1e9, stop); });
  stopped([&] { benchmark.augmentation(1e9, stop); });
  stopped([&] { benchmark.knn({.bank = 1 << 20, .queries = 5, .k = 7}, stop); });
}
