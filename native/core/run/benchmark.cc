#include "core/run/benchmark.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>
#include <optional>

#include "core/base/error.h"
#include "core/base/stop.h"
#include "core/device/device.h"
#include "core/device/graphed_function.h"
#include "core/evaluate/frozen_backbone.h"
#include "core/evaluate/knn.h"
#include "core/model/encoder.h"
#include "core/ops/normalise_rows.h"
#include "core/run/view_benchmark.h"

namespace moco {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kClasses = 10;
constexpr int64_t kBatches = 65;      // of an epoch: the first warms up, the others are measured
constexpr int64_t kViews = 256;       // are made before the clock is looked at again
constexpr int64_t kFoldedOnCpu = 16;  // pictures for which the folded kernels are compared there
constexpr int kLeastProducts = 3;     // are computed at least, of which the fastest counts
constexpr double kUsualTemperature = 0.1;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

ImageStore randomPictures(int64_t count, int64_t side) {
  return {at::randint(256, {count, side, side, 3}, at::kByte),
          at::arange(count).remainder(kClasses), kClasses};
}

Normalisation normalisation() { return {at::full({3}, .5f), at::full({3}, .25f)}; }

TrainerSettings trainerSettings(const BenchmarkSettings& settings) {
  return {.encoder = {.arch = settings.arch,
                      .width = settings.width,
                      .stem = settings.stem,
                      .featureDim = 128},
          .contrast = {.m = settings.m, .temperature = 0.5, .momentum = 0.999},
          .optimiser = {.learningRate = 1e-3, .weightDecay = 1e-6},
          .imageSize = settings.imageSize,
          .k = 1,
          .batchSize = settings.batchSize,
          .seed = 0,
          .compute = settings.compute};
}

/// Large enough to show what the device can do, small enough to take a second at most.
int64_t chooseMatrixSide(const at::Device& device) { return device.is_cpu() ? 4096 : 8192; }

}  // namespace

Benchmark::Benchmark(const BenchmarkSettings& settings, const MakeRecorder& recorder)
    : imageSize_(settings.imageSize),
      pictures_(randomPictures(settings.batchSize * kBatches, settings.storedSize)),
      trainer_(trainerSettings(settings),
               {.train = pictures_, .test = pictures_, .normalisation = normalisation()},
               /*beginning=*/{}, recorder),
      matrixSide_(settings.matrix.value_or(chooseMatrixSide(device()))) {}

MultiplyAdds Benchmark::multiplyAdds() {
  return trainer_.queryEncoder().multiplyAdds(imageSize_, imageSize_);
}

void Benchmark::requireRecorded() const {
  const std::string& failure = trainer_.graphFailure();
  if (failure.empty()) return;
  throw Error("ERR_MOCO_DEVICE",
              "a CUDA graph was to be measured, and recording it failed: " + failure,
              "Measure without one: --no-cuda-graph.");
}

MeasuredSteps Benchmark::steps(double least, Profiler::Detail detail,
                               const std::atomic<bool>& stop) {
  std::optional<Profiler> profiler;
  MeasuredSteps measured{};
  auto start = Clock::now();
  std::atomic<bool> isEnough{false};
  const auto onStep = [&](const StepMetrics&) {
    synchronise(device());
    if (profiler) {
      ++measured.steps;
      measured.seconds = secondsSince(start);
    } else {  // the first step does not count, because it had to wait for its views
      measured.warmUp = secondsSince(start);
      profiler.emplace(device(), detail);
      start = Clock::now();
    }
    isEnough = stop || (measured.steps > 0 && measured.seconds >= least);
  };
  trainer_.trainEpoch(++epoch_, 1, onStep, isEnough);
  requireNotStopped(stop);
  requireRecorded();
  measured.times = profiler->times();
  return measured;
}

MeasuredExtraction Benchmark::extraction(double least, const std::atomic<bool>& stop) {
  ImageStore pictures = pictures_;
  const int64_t length = trainer_.backbone().chunkLength();
  pictures.pixels = pictures_.pixels.slice(0, 0, length).to(device());
  pictures.labels = pictures_.labels.slice(0, 0, length).to(device());
  const auto extract = [&] {
    trainer_.backbone().eachChunk(pictures, stop, [](const at::Tensor&, const at::Tensor&) {});
    synchronise(device());
  };
  auto start = Clock::now();
  extract();
  const double first = secondsSince(start);
  // The calls that choose algorithms and record a CUDA graph are not to be measured.
  const bool records = static_cast<bool>(trainer_.machine().recorders);
  for (int call = 1; call <= GraphedFunction::kPlainCalls && records; ++call) extract();
  requireRecorded();
  start = Clock::now();
  int64_t done = 0;
  do {
    extract();
    done += pictures.count();
  } while (secondsSince(start) < least);
  return {.first = first, .perPicture = secondsSince(start) / static_cast<double>(done)};
}

FoldedTimes Benchmark::folded(double least, const std::atomic<bool>& stop) {
  const int64_t pictures = device().is_cpu() ? kFoldedOnCpu : trainer_.backbone().chunkLength();
  return timeFolded(trainer_.queryEncoder(), pictures, imageSize_, least, stop);
}

double Benchmark::matrixProduct(double least, const std::atomic<bool>& stop) {
  const auto options = at::device(device()).dtype(trainer_.machine().precision.compute);
  const auto a = at::randn({matrixSide_, matrixSide_}, options);
  const auto b = at::randn({matrixSide_, matrixSide_}, options);
  auto product = at::mm(a, b);
  double best = std::numeric_limits<double>::infinity();
  const auto start = Clock::now();
  for (int run = 0; run < kLeastProducts || secondsSince(start) < least; ++run) {
    requireNotStopped(stop);
    synchronise(device());
    const auto begin = Clock::now();
    at::mm_out(product, a, b);
    synchronise(device());
    best = std::min(best, secondsSince(begin));
  }
  return 2.0 * static_cast<double>(matrixSide_ * matrixSide_ * matrixSide_) / best;
}

double Benchmark::augmentation(double least, const std::atomic<bool>& stop) {
  double total = 0;
  uint64_t rounds = 0;
  do {
    requireNotStopped(stop);
    total += static_cast<double>(kViews) *
             secondsPerView(pictures_, imageSize_, kViews, /*seed=*/rounds++);
  } while (total < least);
  return total / static_cast<double>(rounds * kViews);
}

double Benchmark::knn(const KnnSize& size, const std::atomic<bool>& stop) {
  const at::NoGradGuard noGrad;
  const auto options = at::device(device()).dtype(at::kFloat);
  const auto features = [&](int64_t count) {
    return normaliseRows(at::randn({count, featureLength()}, options));
  };
  double seconds = 0;
  const auto time = [&](const std::function<void()>& work) {
    synchronise(device());
    const auto start = Clock::now();
    work();
    synchronise(device());
    seconds += secondsSince(start);
  };
  KnnVote vote(features(size.queries), size.k);
  const int64_t length = trainer_.backbone().chunkLength();
  for (int64_t begin = 0; begin < size.bank; begin += length) {
    requireNotStopped(stop);
    const auto piece = features(std::min(length, size.bank - begin));
    const auto labels = at::randint(kClasses, {piece.size(0)}, options.dtype(at::kLong));
    time([&] { vote.addBank(piece, labels); });
  }
  time([&] { vote.scores(kUsualTemperature, kClasses); });
  return seconds;
}

}  // namespace moco
