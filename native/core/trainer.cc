#include "core/trainer.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "core/atomic_file.h"
#include "core/caching_allocator.h"
#include "core/error.h"
#include "core/pth_writer.h"
#include "core/safetensors_writer.h"

namespace moco {
namespace {

/// Pictures per forward pass of the evaluation.
constexpr int64_t kFeatureChunk = 256;

/// What would divide by zero further down; the configuration's schema is stricter.
void requirePositive(const TrainerOptions& options) {
  const auto require = [](const char* what, int64_t value) {
    if (value > 0) return;
    throw Error("ERR_MOCO_CONFIG",
                std::string(what) + ": " + std::to_string(value) + " is not positive",
                "Give a positive number.");
  };
  require("batchSize", options.batchSize);
  require("m", options.queueLength);
  require("k", options.neighbours);
  require("featureDim", options.featureDim);
  require("number of test pictures", options.test.count());
}

void requireEnoughPictures(const TrainerOptions& options) {
  const int64_t pictures = options.train.count();
  const auto require = [&](const char* what, int64_t wanted) {
    if (wanted <= pictures) return;
    throw Error("ERR_MOCO_CONFIG",
                std::string(what) + ": " + std::to_string(wanted) + " is more than the " +
                    std::to_string(pictures) + " training pictures",
                "Lower it, or train on more pictures.");
  };
  require("batchSize", options.batchSize);
  require("k", options.neighbours);
}

void requireNotStopped(const std::atomic<bool>& stop) {
  if (stop) throw Error("ERR_MOCO_ABORTED", "the training was stopped", "Start it again.");
}

int64_t chooseDataThreads(int64_t asked, const at::Device& device) {
  if (asked > 0) return asked;
  // On the CPU one thread makes views a hundred times faster than the step uses them up, and the
  // step needs the cores. A GPU is fed by as many as there are.
  constexpr int64_t kMost = 8;
  const int64_t cores = std::thread::hardware_concurrency();
  return device.is_cuda() ? std::clamp<int64_t>(cores - 1, 1, kMost) : 1;
}

int64_t setComputeThreads(int64_t asked) {
  if (asked > 0) at::set_num_threads(static_cast<int>(asked));
  return at::get_num_threads();
}

void setUpDevice(const at::Device& device) {
  if (device.is_cpu()) {
    installCachingAllocator();
    return;
  }
  // The same seed gives the same run: cuDNN neither chooses its algorithms by timing them nor adds
  // up in an order that changes.
  at::globalContext().setBenchmarkCuDNN(false);
  at::globalContext().setDeterministicCuDNN(true);
}

MocoOptions mocoOptions(const TrainerOptions& options, const at::Device& device,
                        const Precision& precision) {
  return {.encoder = {.arch = options.arch,
                      .featureDim = options.featureDim,
                      .device = device,
                      .compute = precision.compute},
          .queueLength = options.queueLength,
          .temperature = options.temperature,
          .momentum = options.momentum,
          .adam = {.learningRate = options.learningRate, .weightDecay = options.weightDecay},
          .seed = options.seed};
}

}  // namespace

Trainer::Trainer(TrainerOptions options)
    : options_(std::move(options)),
      device_(resolveDevice(options_.device)),
      precision_(resolvePrecision(options_.precision, device_)),
      computeThreads_(setComputeThreads(options_.computeThreads)),
      dataThreads_(chooseDataThreads(options_.dataThreads, device_)) {
  requirePositive(options_);
  requireEnoughPictures(options_);
  setUpDevice(device_);
  options_.normalisation.mean = options_.normalisation.mean.to(device_);
  options_.normalisation.std = options_.normalisation.std.to(device_);
  moco_.emplace(mocoOptions(options_, device_, precision_));
  if (options_.checkpoint) moco_->restore(readTensors(*options_.checkpoint));
  loader_.emplace(options_.train, options_.batchSize, options_.seed, dataThreads_);
}

Trainer::~Trainer() {
  loader_.reset();
  moco_.reset();
  if (device_.is_cpu()) releaseCachedMemory();
}

int64_t Trainer::trainEpoch(int64_t epoch, int64_t firstStep,
                            const std::function<void(const StepMetrics&)>& onStep,
                            const std::atomic<bool>& stop) {
  loader_->startEpoch(static_cast<uint32_t>(epoch), firstStep - 1);
  for (int64_t number = firstStep; number <= stepsPerEpoch(); ++number) {
    if (stop) return number - 1;
    try {
      onStep(step(number));
    } catch (const Error& error) {
      throw Error(error.code,
                  "epoch " + std::to_string(epoch) + ", step " + std::to_string(number) + ": " +
                      error.what(),
                  error.hint);
    }
  }
  return stepsPerEpoch();
}

StepMetrics Trainer::step(int64_t number) {
  const auto start = std::chrono::steady_clock::now();
  const auto views = loader_->next();  // (2, B, H, W, 3)
  const StepResult result = moco_->step(toInput(views[0]), toInput(views[1]));
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  return {number, result, moco_->optimiser().options().learningRate, elapsed.count(),
          moco_->queue().fill()};
}

at::Tensor Trainer::toInput(const at::Tensor& pictures) const {
  return normalise(pictures.to(device_), options_.normalisation, precision_.compute);
}

at::Tensor Trainer::features(const ImageStore& store, int64_t begin, int64_t end) {
  const auto pictures = store.pixels.slice(0, begin, end);
  const auto features = moco_->queryEncoder().backbone(toInput(pictures), Mode::kEvaluate);
  return normaliseRows(features.to(at::kFloat));
}

Accuracy Trainer::evaluate(const std::atomic<bool>& stop) {
  const at::NoGradGuard noGrad;
  const auto chunks = [&](const ImageStore& store, const auto& use) {
    for (int64_t begin = 0; begin < store.count(); begin += kFeatureChunk) {
      requireNotStopped(stop);
      use(begin, std::min(begin + kFeatureChunk, store.count()));
    }
  };
  std::vector<at::Tensor> queries;
  chunks(options_.test, [&](int64_t begin, int64_t end) {
    queries.push_back(features(options_.test, begin, end));
  });
  KnnVote vote(at::cat(queries), options_.neighbours);
  queries.clear();
  chunks(options_.train, [&](int64_t begin, int64_t end) {
    vote.addBank(features(options_.train, begin, end),
                 options_.train.labels.slice(0, begin, end).to(device_));
  });
  const auto scores = vote.scores(options_.temperature, options_.train.classes);
  if (!at::isfinite(scores).all().item<bool>()) {
    throw Error("ERR_MOCO_NON_FINITE", "kNN evaluation: the encoder's features are not finite",
                "Lower the learning rate, raise the temperature, or train in fp32.");
  }
  return accuracyOf(scores, options_.test.labels.to(device_));
}

void Trainer::saveModel(const std::string& path, const std::string& description) {
  writePth(path, moco_->queryEncoder().stateDict(), description);
}

void Trainer::saveCheckpoint(const std::string& path, const std::string& previous,
                             const std::string& run) const {
  AtomicFile file(path);
  writeSafetensors(file, moco_->state(), {{"format", "moco-checkpoint"}, {"run", run}});
  file.commit(previous);
}

}  // namespace moco
