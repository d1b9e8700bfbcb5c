#include "core/run/trainer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/base/core_wait.h"
#include "core/base/error.h"
#include "core/base/failure.h"
#include "core/device/caching_allocator.h"
#include "core/evaluate/knn_evaluation.h"
#include "core/evaluate/labelled_pictures.h"
#include "core/evaluate/view_extractor.h"
#include "core/input/key_order.h"
#include "core/ops/pointwise_batch_norm.h"
#include "core/optimise/momentum_schedule.h"

namespace moco {
namespace {

/// Refuses numbers that would lead to a division by zero further down. The configuration's schema
/// is stricter.
void requirePositive(const TrainerSettings& settings, const Dataset& dataset) {
  const auto require = [](const char* what, int64_t value) {
    if (value > 0) return;
    throw Error("ERR_MOCO_CONFIG",
                std::string(what) + ": " + std::to_string(value) + " is not positive",
                "Give a positive number.");
  };
  require("batchSize", settings.batchSize);
  require("accumulate", settings.contrast.accumulate);
  require("m", settings.contrast.m);
  require("epochs", settings.epochs);
  require("imageSize", settings.imageSize);
  require("k", settings.k);
  require("featureDim", settings.encoder.featureDim);
  require("number of test pictures", dataset.test.count());
}

void requireAtMost(const char* what, int64_t wanted, int64_t there, const std::string& pictures) {
  if (wanted <= there) return;
  throw Error("ERR_MOCO_CONFIG",
              std::string(what) + ": " + std::to_string(wanted) + " is more than the " +
                  std::to_string(there) + " " + pictures,
              "Lower it, or train on more pictures.");
}

bool canVote(const Dataset& dataset) {
  return labelledPictures(dataset.train).size(0) > 0 && labelledPictures(dataset.test).size(0) > 0;
}

/// Neighbours vote only if there are labels, and only pictures that have one do.
void requireEnoughPictures(const TrainerSettings& settings, const Dataset& dataset) {
  const int64_t pictures = dataset.train.count();
  const int64_t batches = settings.contrast.accumulate;
  requireAtMost(batches == 1 ? "batchSize" : "batchSize × accumulate", settings.batchSize * batches,
                pictures, "training pictures");
  if (!canVote(dataset)) return;
  const int64_t voting = labelledPictures(dataset.train).size(0);
  requireAtMost("k", settings.k, voting,
                voting == pictures ? "training pictures" : "training pictures that have labels");
}

/// Refuses groups of one picture, too: the mean over such a group is the picture's own value, so
/// that the projection head's BatchNorm would subtract all of its input.
void requireGroups(const TrainerSettings& settings) {
  const int64_t groups = settings.encoder.batchNormGroups;
  const int64_t batchSize = settings.batchSize;
  if (groups > 0 && batchSize % groups == 0 && batchSize / groups > 1) return;
  throw Error("ERR_MOCO_CONFIG",
              "batchNormGroups: " + std::to_string(groups) + " does not divide batchSize (" +
                  std::to_string(batchSize) + ") into groups of at least two",
              "Choose another number of groups, or 1.");
}

/// Refuses what cannot be shared out among processes.
void requireShares(const TrainerSettings& settings, const Peers& peers) {
  const int64_t groups = settings.encoder.batchNormGroups;
  const std::string processes = std::to_string(peers.count());
  if (groups % peers.count() == 0) return;
  throw Error("ERR_MOCO_CONFIG",
              "batchNormGroups: " + std::to_string(groups) + " cannot be shared out among the " +
                  processes + " processes of the run",
              "Choose a multiple of " + processes + ", or another number of processes.");
}

}  // namespace

Trainer::Trainer(TrainerSettings settings, Dataset dataset, const Beginning& beginning,
                 const MakeRecorder& recorder, Peers peers)
    : settings_(std::move(settings)),
      peers_(std::move(peers)),
      dataset_(std::move(dataset)),
      canVote_(canVote(dataset_)),
      machine_(resolveMachine(settings_.compute)) {
  if (recorder) machine_.recorders = recorder;
  requirePositive(settings_, dataset_);
  requireGroups(settings_);
  requireShares(settings_, peers_);
  requireEnoughPictures(settings_, dataset_);
  setUpMachine(machine_, settings_.compute);
  memoryPlan_ = planMemory(memoryDemand());
  availableMemory_ = moco::availableMemory(machine_.device);
  warnOfMissingMemory();
  dataset_.normalisation.mean = dataset_.normalisation.mean.to(machine_.device);
  dataset_.normalisation.std = dataset_.normalisation.std.to(machine_.device);
  moco_.emplace(mocoOptions(), machine_.recorders);
  if (beginning.weights) moco_->beginWith(readTensors(*beginning.weights));
  if (beginning.checkpoint) moco_->restore(readTensors(*beginning.checkpoint));
  backbone_.emplace(moco_->queryEncoder(),
                    TestView{.normalisation = dataset_.normalisation,
                             .imageSize = settings_.imageSize,
                             .cropShare = dataset_.cropShare},
                    machine_.recorders, std::nullopt, peers_);
  saving_.emplace(machine_.device);
  warnOfMissingGraphs();
  placement_ = placeData(machine_.device, dataset_.train, {&dataset_.test});
  loader_ =
      makeInputLoader(placement_.viewed, {.device = machine_.device,
                                          .compute = machine_.precision.compute,
                                          .normalisation = dataset_.normalisation,
                                          .views = loadedViews(),
                                          .growth = {.from = settings_.views.growFrom,
                                                     .until = settings_.views.growUntil,
                                                     .epochs = settings_.epochs},
                                          .batchSize = settings_.batchSize,
                                          .seed = settings_.seed,
                                          .threads = machine_.dataThreads,
                                          .layout = {.shuffleWindow = settings_.shuffleWindow},
                                          .share = {peers_.rank(), peers_.count()}});
  schedule_.emplace(settings_.optimiser, settings_.batchSize * batchesPerStep(), runLength());
}

RunLength Trainer::runLength() const {
  const int64_t ofEpochs = settings_.epochs * stepsPerEpoch();
  return {.stepsPerEpoch = stepsPerEpoch(), .steps = settings_.steps.value.value_or(ofEpochs)};
}

MocoOptions Trainer::mocoOptions() const {
  EncoderSettings encoder = settings_.encoder;
  encoder.batchNormGroups /= peers_.count();
  return {.encoder = {.settings = encoder,
                      .device = machine_.device,
                      .compute = machine_.precision.compute,
                      .pointwiseBatchNorm = asksForPointwiseBatchNorm()},
          .contrast = settings_.contrast,
          .optimiser = settings_.optimiser,
          .seed = settings_.seed,
          .peers = peers_};
}

MemoryDemand Trainer::memoryDemand() const {
  TrainerSettings own = settings_;
  own.batchSize /= peers_.count();
  return {.settings = own,
          .machine = machine_,
          .trainPictures = dataset_.train.count(),
          .testPictures = dataset_.test.count(),
          .height = dataset_.train.height(),
          .width = dataset_.train.width(),
          .picturesStayInFile = !dataset_.train.isResident(),
          .canVote = canVote_};
}

Trainer::~Trainer() {
  loader_.reset();
  backbone_.reset();
  moco_.reset();
  if (machine_.device.is_cpu()) releaseCachedMemory();
}

int64_t Trainer::trainEpoch(int64_t epoch, int64_t firstStep,
                            const std::function<void(const StepMetrics&)>& onStep,
                            const std::atomic<bool>& stop, std::optional<int64_t> lastStep) {
  const int64_t last = std::min(lastStep.value_or(stepsPerEpoch()), stepsPerEpoch());
  loader_->startEpoch(static_cast<uint32_t>(epoch), (firstStep - 1) * batchesPerStep());
  for (int64_t number = firstStep; number <= last; ++number) {
    if (peers_.any(stop)) return number - 1;
    try {
      onStep(step(epoch, number));
    } catch (...) {
      throw errorAt("epoch " + std::to_string(epoch) + ", step " + std::to_string(number));
    }
  }
  return last;
}

Error Trainer::errorAt(const std::string& place) const {
  Failure failure = describe(std::current_exception());
  if (failure.code == "ERR_MOCO_OUT_OF_MEMORY") {
    const MemoryDemand own = memoryDemand();
    const auto fitting = largestBatch(own, 2, own.settings.batchSize - 1, availableMemory_);
    if (fitting) {
      const std::string batch = std::to_string(*fitting * peers_.count());
      failure.hint = "A batch of " + batch + " should fit (--batch-size " + batch +
                     "): " + gibibytes(availableMemory_) +
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

void Trainer::warnOfMissingGraphs() {
  if (!settings_.compute.cudaGraph || machine_.device.is_cpu() || machine_.recorders) return;
  warnings_.emplace_back(
      "the run goes without CUDA graphs, slower: moco was built without CUDA's compiler (nvcc)");
}

StepMetrics Trainer::step(int64_t epoch, int64_t number) {
  const auto start = std::chrono::steady_clock::now();
  const double waitedBefore = secondsWithoutCore();
  const int64_t ofRun = (epoch - 1) * stepsPerEpoch() + number - 1;  // from 0
  moco_->optimiser().setLearningRate(schedule_->at(ofRun));
  moco_->setMomentum(momentumAt(settings_.contrast.momentumSchedule, settings_.contrast.momentum,
                                ofRun, runLength().steps));
  int64_t batch = (number - 1) * batchesPerStep();
  const StepResult result = moco_->step([&] { return nextBatch(epoch, ++batch); });
  reportGraphFailure("the steps run", moco_->graphFailure());
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  return {number,
          result,
          moco_->optimiser().learningRate(),
          elapsed.count(),
          moco_->queueFill(),
          secondsWithoutCore() - waitedBefore};
}

void Trainer::reportGraphFailure(const std::string& work, const std::string& failure) {
  if (failure.empty() || !notRecorded_.insert(work).second) return;
  warnings_.push_back(work + " without a CUDA graph, slower: recording one failed (" + failure +
                      ")");
}

const std::string& Trainer::graphFailure() const {
  const std::string& failure = moco_->graphFailure();
  return failure.empty() ? backbone_->graphFailure() : failure;
}

void Trainer::reportFallbacks() {
  const std::string warning = backbone_->fallbackWarning();
  if (warning.empty() || std::exchange(warnedOfFallbacks_, true)) return;
  warnings_.push_back(warning);
}

StepInput Trainer::nextBatch(int64_t epoch, int64_t number) {
  const auto pictures = loader_->next();
  StepInput batch{.views = {}};
  if (shufflesKeys()) {
    const auto order = keyOrder(settings_.seed, epoch, number, settings_.batchSize);
    batch.keyOrder = order.to(machine_.device);
  }
  if (settings_.contrast.maskSame) batch.pictureNumbers = loader_->pictureNumbers();
  const auto views = loadedViews();
  for (size_t i = 0; i < views.size(); ++i) {
    const ViewPlan& plan = views[i];
    if (!plan.isShuffled) {
      batch.views.push_back({pictures[i], plan.student, plan.teacher});
      continue;
    }
    if (!plan.student) batch.views.push_back({pictures[i], false, true});
    batch.views.back().forKeys = pictures[i];
  }
  return batch;
}

bool Trainer::shufflesKeys() const {
  return settings_.contrast.keyEncoder != "shared" && settings_.encoder.batchNormGroups > 1;
}

std::vector<ViewPlan> Trainer::loadedViews() const {
  auto plans = viewPlans(settings_.views, settings_.imageSize);
  if (peers_.alone() || !shufflesKeys()) return plans;
  // The key encoder sees other pictures here than the query encoder does.
  std::vector<ViewPlan> loaded;
  for (size_t number = 0; number < plans.size(); ++number) {
    ViewPlan plan = plans[number];
    plan.number = static_cast<int64_t>(number);
    if (plan.student) loaded.push_back(plan);
    plan.isShuffled = true;
    if (plan.teacher) loaded.push_back(plan);
  }
  return loaded;
}

Evaluation Trainer::evaluate(const std::atomic<bool>& stop) {
  try {
    Evaluation evaluation;
    if (canVote_) evaluation.knn = vote(stop);
    if (dataset_.test.count() >= kFewestMeasuredPictures) evaluation.measures = measure(stop);
    reportGraphFailure("evaluations run", backbone_->graphFailure());
    reportFallbacks();
    return evaluation;
  } catch (const Error&) {
    throw;
  } catch (...) {
    throw errorAt("evaluation");
  }
}

Accuracy Trainer::vote(const std::atomic<bool>& stop) {
  const KnnSettings settings{.k = settings_.k, .temperature = {settings_.knnTemperature}};
  const auto results = evaluateKnn(*backbone_, dataset_.train, dataset_.test, settings, stop);
  return results.front().accuracy;
}

LabelFreeMeasures Trainer::measure(const std::atomic<bool>& stop) {
  backbone_->refold();
  const ViewExtractor extract(moco_->queryEncoder(), *backbone_, dataset_.normalisation,
                              settings_.imageSize);
  const int64_t pictures = std::min(dataset_.test.count(), kMostMeasuredPictures);
  const auto first = extract(dataset_.test, pictures, 0, stop);
  const auto second = extract(dataset_.test, pictures, 1, stop);
  return measureWithoutLabels(first, second);
}

Snapshot Trainer::snapshot() const {
  try {
    return {moco_->state(), *saving_};
  } catch (...) {
    throw errorAt("copying the state for a checkpoint");
  }
}

}  // namespace moco
