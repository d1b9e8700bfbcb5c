#include "core/run/trainer.h"

#include <chrono>
#include <utility>

#include "core/base/error.h"
#include "core/base/failure.h"
#include "core/base/random.h"
#include "core/base/threads.h"
#include "core/device/caching_allocator.h"
#include "core/evaluate/knn_evaluation.h"
#include "core/files/atomic_file.h"
#include "core/files/pth_writer.h"
#include "core/files/safetensors_writer.h"
#include "core/input/host_input_loader.h"

namespace moco {
namespace {

/// Refuses numbers that would lead to a division by zero further down. The configuration's schema
/// is stricter.
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

/// Refuses groups of one picture, too: the mean over such a group is the picture's own value, so
/// that the projection head's BatchNorm would subtract all of its input.
void requireGroups(const TrainerOptions& options) {
  const int64_t groups = options.batchNormGroups;
  if (groups > 0 && options.batchSize % groups == 0 && options.batchSize / groups > 1) return;
  throw Error("ERR_MOCO_CONFIG",
              "batchNormGroups: " + std::to_string(groups) + " does not divide batchSize (" +
                  std::to_string(options.batchSize) + ") into groups of at least two",
              "Choose another number of groups, or 1.");
}

/// A maker of CUDA graphs; empty if nothing is to be recorded.
MakeRecorder recorders(const TrainerOptions& options, const at::Device& device) {
  return options.cudaGraph ? graphRecorders(device) : MakeRecorder{};
}

MocoOptions mocoOptions(const TrainerOptions& options, const at::Device& device,
                        const Precision& precision) {
  return {.encoder = {.arch = options.arch,
                      .featureDim = options.featureDim,
                      .device = device,
                      .compute = precision.compute,
                      .batchNormGroups = options.batchNormGroups},
          .queueLength = options.queueLength,
          .temperature = options.temperature,
          .momentum = options.momentum,
          .adam = {.learningRate = options.learningRate, .weightDecay = options.weightDecay},
          .seed = options.seed};
}

MemoryDemand memoryDemand(const TrainerOptions& options, const at::Device& device,
                          const Precision& precision, int64_t dataThreads) {
  return {.arch = options.arch,
          .featureDim = options.featureDim,
          .queueLength = options.queueLength,
          .neighbours = options.neighbours,
          .batchSize = options.batchSize,
          .trainPictures = options.train.count(),
          .testPictures = options.test.count(),
          .height = options.train.height(),
          .width = options.train.width(),
          .batchesOfViews = HostInputLoader::batchesInMemory(dataThreads),
          .compute = precision.compute,
          .device = device,
          .graph = recorders(options, device) != nullptr};
}

}  // namespace

Trainer::Trainer(TrainerOptions options)
    : options_(std::move(options)),
      device_(resolveDevice(options_.device)),
      precision_(resolvePrecision(options_.precision, device_, options_.arithmetic.tf32)),
      computeThreads_(setComputeThreads(options_.computeThreads)),
      dataThreads_(chooseDataThreads(options_.dataThreads, device_)) {
  requirePositive(options_);
  requireGroups(options_);
  requireEnoughPictures(options_);
  setUpDevice(device_, options_.arithmetic);
  const auto demand = memoryDemand(options_, device_, precision_, dataThreads_);
  memoryPlan_ = planMemory(demand);
  availableMemory_ = moco::availableMemory(device_);
  warnOfMissingMemory();
  options_.normalisation.mean = options_.normalisation.mean.to(device_);
  options_.normalisation.std = options_.normalisation.std.to(device_);
  moco_.emplace(mocoOptions(options_, device_, precision_), recorders(options_, device_));
  if (options_.checkpoint) moco_->restore(readTensors(*options_.checkpoint));
  backbone_.emplace(moco_->queryEncoder(), options_.normalisation, recorders(options_, device_));
  if (options_.cudaGraph && device_.is_cuda() && !recorders(options_, device_)) {
    warnings_.emplace_back(
        "the run goes without CUDA graphs, slower: moco was built without CUDA's compiler "
        "(nvcc)");
  }
  placement_ = placeData(device_, options_.train, {&options_.test});
  loader_ = makeInputLoader(placement_.viewed, {.device = device_,
                                                .compute = precision_.compute,
                                                .normalisation = options_.normalisation,
                                                .batchSize = options_.batchSize,
                                                .seed = options_.seed,
                                                .threads = dataThreads_});
}

Trainer::~Trainer() {
  loader_.reset();
  backbone_.reset();
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
      onStep(step(epoch, number));
    } catch (...) {
      throw errorAt("epoch " + std::to_string(epoch) + ", step " + std::to_string(number));
    }
  }
  return stepsPerEpoch();
}

Error Trainer::errorAt(const std::string& place) const {
  Failure failure = describe(std::current_exception());
  if (failure.code == "ERR_MOCO_OUT_OF_MEMORY") {
    const auto demand = memoryDemand(options_, device_, precision_, dataThreads_);
    const auto batch = largestBatch(demand, 2, options_.batchSize - 1, availableMemory_);
    if (batch) {
      failure.hint = "A batch of " + std::to_string(*batch) + " should fit (--batch-size " +
                     std::to_string(*batch) + "): " + gibibytes(availableMemory_) +
                     " were there for it. Or lower m, k or featureDim, or choose a smaller arch.";
    }
  }
  return {failure.code, place + ": " + failure.message, failure.hint};
}

void Trainer::warnOfMissingMemory() {
  if (memoryPlan_.peak <= availableMemory_) return;
  warnings_.push_back("the run should take " + gibibytes(memoryPlan_.peak) + " of memory, and " +
                      gibibytes(availableMemory_) +
                      " are there: lower batchSize, or let it be auto");
}

StepMetrics Trainer::step(int64_t epoch, int64_t number) {
  const auto start = std::chrono::steady_clock::now();
  const auto views = loader_->next();
  const StepResult result =
      moco_->step({.queries = views[0], .keys = views[1], .keyOrder = keyOrder(epoch, number)});
  reportGraphFailure("the steps run", moco_->graphFailure());
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  return {number, result, moco_->optimiser().options().learningRate, elapsed.count(),
          moco_->queue().fill()};
}

void Trainer::reportGraphFailure(const std::string& work, const std::string& failure) {
  if (failure.empty() || !notRecorded_.insert(work).second) return;
  warnings_.push_back(work + " without a CUDA graph, slower: recording one failed (" + failure +
                      ")");
}

at::Tensor Trainer::keyOrder(int64_t epoch, int64_t step) const {
  if (options_.batchNormGroups == 1) return {};
  const Philox random(options_.seed, Purpose::kKeyShuffle, static_cast<uint32_t>(epoch),
                      static_cast<uint32_t>(step));
  return at::tensor(shuffledIndices(options_.batchSize, random)).to(device_);
}

Accuracy Trainer::evaluate(const std::atomic<bool>& stop) {
  try {
    const auto results = evaluateKnn(*backbone_, options_.train, options_.test, options_.neighbours,
                                     {options_.temperature}, stop);
    reportGraphFailure("evaluations run", backbone_->graphFailure());
    return results.front().accuracy;
  } catch (const Error&) {
    throw;
  } catch (...) {
    throw errorAt("kNN evaluation");
  }
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
