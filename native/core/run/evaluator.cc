#include "core/run/evaluator.h"

#include <chrono>
#include <utility>

#include "core/base/error.h"
#include "core/base/stop.h"
#include "core/device/caching_allocator.h"
#include "core/files/pth_writer.h"

namespace moco {
namespace {

void requirePositive(const char* what, int64_t value) {
  if (value > 0) return;
  throw Error("ERR_MOCO_CONFIG",
              std::string(what) + ": " + std::to_string(value) + " is not positive",
              "Give a positive number.");
}

void requirePictures(const Dataset& dataset) {
  requirePositive("number of training pictures", dataset.train.count());
  requirePositive("number of test pictures", dataset.test.count());
  if (!dataset.validation) return;
  requirePositive("number of validation pictures", dataset.validation->count());
}

Normalisation on(const at::Device& device, const Normalisation& normalisation) {
  return {normalisation.mean.to(device), normalisation.std.to(device)};
}

}  // namespace

Evaluator::Evaluator(EvaluatorSettings settings, Dataset dataset, const StateDict& model)
    : settings_(std::move(settings)),
      dataset_(std::move(dataset)),
      machine_(resolveMachine(settings_.compute)) {
  requirePictures(dataset_);
  setUpMachine(machine_, settings_.compute);
  dataset_.normalisation = on(machine_.device, dataset_.normalisation);
  const EncoderOptions options{.settings = settings_.encoder,
                               .device = machine_.device,
                               .compute = machine_.precision.compute};
  encoder_.emplace(options);
  encoder_->loadState(model);
  std::vector<ImageStore*> evaluated{&dataset_.test};
  if (dataset_.validation) evaluated.push_back(&*dataset_.validation);
  placement_ = placeData(machine_.device, dataset_.train, evaluated);
}

Evaluator::~Evaluator() {
  loader_.reset();
  linear_.reset();
  encoder_.reset();
  if (machine_.device.is_cpu()) releaseCachedMemory();
}

int64_t Evaluator::heldBytes() const {
  const int64_t validation = dataset_.validation ? dataset_.validation->residentBytes() : 0;
  const auto weights = parameters() * static_cast<int64_t>(sizeof(float));
  return dataset_.train.residentBytes() + dataset_.test.residentBytes() + validation + weights;
}

TestView Evaluator::testView() const {
  return {.normalisation = dataset_.normalisation,
          .imageSize = settings_.imageSize,
          .cropShare = dataset_.cropShare};
}

std::vector<KnnResult> Evaluator::knn(const KnnSettings& settings, const std::atomic<bool>& stop) {
  FrozenBackbone backbone(*encoder_, testView());
  auto results = evaluateKnn(backbone, dataset_.train, dataset_.test, settings, stop);
  reportFallbacks(backbone);
  return results;
}

NearestPictures Evaluator::nearest(const std::vector<int64_t>& queries, int64_t k,
                                   const std::atomic<bool>& stop) {
  FrozenBackbone backbone(*encoder_, testView());
  auto found = nearestPictures(backbone, dataset_.train, dataset_.test, queries, k, stop);
  reportFallbacks(backbone);
  return found;
}

void Evaluator::startLinear(const LinearSettings& settings) {
  requirePositive("batchSize", settings.batchSize);
  linear_.emplace(*encoder_, testView(), dataset_.train.classes, settings, settings_.seed);
  loader_ = makeInputLoader(placement_.viewed, {.device = machine_.device,
                                                .compute = machine_.precision.compute,
                                                .normalisation = dataset_.normalisation,
                                                .views = {ViewPlan{settings_.imageSize}},
                                                .batchSize = settings.batchSize,
                                                .seed = settings_.seed,
                                                .threads = machine_.dataThreads,
                                                .layout = {.keepIncompleteBatch = true}});
}

LinearMetrics Evaluator::trainLinearEpoch(int64_t epoch,
                                          const std::function<void(const LinearStep&)>& onStep,
                                          const std::atomic<bool>& stop) {
  linear();
  loader_->startEpoch(static_cast<uint32_t>(epoch));
  LinearTally total;
  for (int64_t number = 1; number <= loader_->batchesPerEpoch(); ++number) {
    requireNotStopped(stop);
    try {
      onStep(stepLinear(number, total));
    } catch (const Error& error) {
      throw Error(error.code,
                  "epoch " + std::to_string(epoch) + ", step " + std::to_string(number) + ": " +
                      error.what(),
                  error.hint);
    }
  }
  return total.means();
}

LinearStep Evaluator::stepLinear(int64_t number, LinearTally& total) {
  const auto start = std::chrono::steady_clock::now();
  const auto input = loader_->next().front();
  const auto tally = linear().step(input, loader_->labels());
  total += tally;
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  return {number, tally.means().loss, tally.pictures, elapsed.count()};
}

LinearMetrics Evaluator::testLinear(const std::atomic<bool>& stop) {
  const auto metrics = linear().measure(dataset_.test, stop);
  reportFallbacks(linear().backbone());
  return metrics;
}

LinearMetrics Evaluator::validateLinear(const std::atomic<bool>& stop) {
  TORCH_CHECK(dataset_.validation, "the evaluator was made without validation pictures");
  return linear().measure(*dataset_.validation, stop);
}

void Evaluator::saveLinear(const std::string& path, const std::string& description) {
  AtomicFile file(path);
  writePth(file, linear().stateDict(), description);
  file.commit();
}

std::vector<SweepResult> Evaluator::sweep(const SweepSettings& settings,
                                          const std::atomic<bool>& stop) {
  requirePositive("batchSize", settings.batchSize);
  requirePositive("epochs", settings.epochs);
  requirePositive("number of learning rates", static_cast<int64_t>(settings.learningRates.size()));
  FrozenBackbone backbone(*encoder_, testView());
  const ImageStore* validation = dataset_.validation ? &*dataset_.validation : nullptr;
  auto results = sweepLinear(backbone, dataset_.train, validation, dataset_.test, settings,
                             settings_.seed, stop);
  reportFallbacks(backbone);
  return results;
}

void Evaluator::reportFallbacks(const FrozenBackbone& backbone) {
  const std::string warning = backbone.fallbackWarning();
  if (warning.empty() || std::exchange(warnedOfFallbacks_, true)) return;
  warnings_.push_back(warning);
}

LinearEvaluation& Evaluator::linear() {
  TORCH_CHECK(linear_, "startLinear comes first");
  return *linear_;
}

}  // namespace moco
