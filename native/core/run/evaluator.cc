#include "core/run/evaluator.h"

#include <chrono>
#include <utility>

#include "core/base/error.h"
#include "core/base/stop.h"
#include "core/base/threads.h"
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

void requirePictures(const EvaluatorOptions& options) {
  requirePositive("number of training pictures", options.train.count());
  requirePositive("number of test pictures", options.test.count());
  if (!options.validation) return;
  requirePositive("number of validation pictures", options.validation->count());
}

Normalisation on(const at::Device& device, const Normalisation& normalisation) {
  return {normalisation.mean.to(device), normalisation.std.to(device)};
}

}  // namespace

Evaluator::Evaluator(EvaluatorOptions options, const StateDict& model)
    : options_(std::move(options)),
      device_(resolveDevice(options_.device)),
      precision_(resolvePrecision(options_.precision, device_, options_.arithmetic.tf32)),
      computeThreads_(setComputeThreads(options_.computeThreads)),
      dataThreads_(chooseDataThreads(options_.dataThreads, device_)) {
  requirePictures(options_);
  setUpDevice(device_, options_.arithmetic);
  options_.normalisation = on(device_, options_.normalisation);
  encoder_.emplace(EncoderOptions{.arch = options_.arch,
                                  .stem = stemNamed(options_.stem),
                                  .featureDim = 0,
                                  .device = device_,
                                  .compute = precision_.compute});
  encoder_->loadState(model);
  std::vector<ImageStore*> evaluated{&options_.test};
  if (options_.validation) evaluated.push_back(&*options_.validation);
  placement_ = placeData(device_, options_.train, evaluated);
}

Evaluator::~Evaluator() {
  loader_.reset();
  linear_.reset();
  encoder_.reset();
  if (device_.is_cpu()) releaseCachedMemory();
}

std::vector<KnnResult> Evaluator::knn(int64_t neighbours, const std::vector<double>& temperatures,
                                      const std::atomic<bool>& stop) {
  FrozenBackbone backbone(*encoder_, options_.normalisation);
  return evaluateKnn(backbone, options_.train, options_.test, neighbours, temperatures, stop);
}

void Evaluator::startLinear(const LinearOptions& options) {
  requirePositive("batchSize", options.batchSize);
  linear_.emplace(*encoder_, options_.normalisation, options_.train.classes, options,
                  options_.seed);
  loader_ = makeInputLoader(placement_.viewed,
                            {.device = device_,
                             .compute = precision_.compute,
                             .normalisation = options_.normalisation,
                             .batchSize = options.batchSize,
                             .seed = options_.seed,
                             .threads = dataThreads_,
                             .layout = {.viewsPerPicture = 1, .keepIncompleteBatch = true}});
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
  return linear().measure(options_.test, stop);
}

LinearMetrics Evaluator::validateLinear(const std::atomic<bool>& stop) {
  TORCH_CHECK(options_.validation, "the evaluator was made without validation pictures");
  return linear().measure(*options_.validation, stop);
}

void Evaluator::saveLinear(const std::string& path) { writePth(path, linear().stateDict()); }

std::vector<SweepResult> Evaluator::sweep(const SweepOptions& options,
                                          const std::atomic<bool>& stop) {
  requirePositive("batchSize", options.batchSize);
  requirePositive("epochs", options.epochs);
  requirePositive("number of learning rates", static_cast<int64_t>(options.learningRates.size()));
  FrozenBackbone backbone(*encoder_, options_.normalisation);
  const ImageStore* validation = options_.validation ? &*options_.validation : nullptr;
  return sweepLinear(backbone, options_.train, validation, options_.test, options, options_.seed,
                     stop);
}

LinearEvaluation& Evaluator::linear() {
  TORCH_CHECK(linear_, "startLinear comes first");
  return *linear_;
}

}  // namespace moco
