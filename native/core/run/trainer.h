#pragma once

#include <ATen/ATen.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/contrast/moco.h"
#include "core/device/device.h"
#include "core/evaluate/accuracy.h"
#include "core/evaluate/frozen_backbone.h"
#include "core/files/tensor_file.h"
#include "core/input/data_placement.h"
#include "core/input/image_store.h"
#include "core/input/input_loader.h"
#include "core/run/memory_plan.h"

namespace moco {

struct TrainerOptions {
  ImageStore train;
  ImageStore test;
  Normalisation normalisation;
  std::string arch;
  int64_t featureDim;
  int64_t queueLength;
  double temperature;
  double momentum;
  int64_t neighbours;  // k of the kNN evaluation
  int64_t batchSize;
  int64_t batchNormGroups = 1;  // equal parts of a batch that BatchNorm normalises on their own
  double learningRate;
  double weightDecay;
  uint64_t seed;
  std::string device;                      // as for resolveDevice
  std::string precision;                   // as for resolvePrecision
  int64_t dataThreads;                     // 0: chosen here
  int64_t computeThreads;                  // 0: chosen by PyTorch
  Arithmetic arithmetic = {};              // of a GPU
  bool cudaGraph = true;                   // record work where the device can
  std::optional<TensorSource> checkpoint;  // to go on from
};

/// One row of the run's metrics.
struct StepMetrics {
  int64_t step;  // in the epoch, from 1
  StepResult result;
  double learningRate;
  double seconds;
  double queueFill;  // share of the queue that holds keys of pictures
};

/// A training run: model, optimiser, data and random state. Made and used on one thread: PyTorch's
/// grad mode and number of threads belong to the thread that set them.
class Trainer {
 public:
  /// @throws Error ERR_MOCO_CONFIG      where k or the batch is larger than the data set, or the
  ///                                groups do not divide the batch
  /// @throws Error ERR_MOCO_CHECKPOINT  where the checkpoint is damaged or of another model
  explicit Trainer(TrainerOptions options);
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;
  ~Trainer();

  /// Trains epoch number `epoch` (from 1), which picks its shuffle and its views.
  /// @param firstStep  from 1; a later one goes on with an epoch that was interrupted before it
  /// @return           the last step that was done: an earlier one than the epoch's last soon after
  ///                   `stop` is set
  /// @throws Error ERR_MOCO_NON_FINITE  naming the step, of which nothing was applied
  /// @throws Error ERR_MOCO_OUT_OF_MEMORY  saying which batch would fit
  /// @throws Error ERR_MOCO_DEVICE  where the GPU failed: no tensor on it can be used any more
  int64_t trainEpoch(int64_t epoch, int64_t firstStep,
                     const std::function<void(const StepMetrics&)>& onStep,
                     const std::atomic<bool>& stop);

  /// Weighted kNN of the query encoder's backbone over the test split, with the training
  /// temperature, as the reference does it after every epoch.
  Accuracy evaluate(const std::atomic<bool>& stop);

  /// Writes the query encoder's state dict.
  /// @param description  as for `writePth`
  void saveModel(const std::string& path, const std::string& description);

  /// Writes everything that a later trainer needs to go on from here, bit for bit.
  /// @param previous  where the file that is at `path` goes
  /// @param run       JSON about the run, kept as it is
  void saveCheckpoint(const std::string& path, const std::string& previous,
                      const std::string& run) const;

  /// What the run takes at most, as far as that can be told before, and what there was for it.
  const MemoryPlan& memoryPlan() const { return memoryPlan_; }
  int64_t availableMemory() const { return availableMemory_; }

  const at::Device& device() const { return device_; }
  const Precision& precision() const { return precision_; }
  int64_t computeThreads() const { return computeThreads_; }
  int64_t dataThreads() const { return dataThreads_; }
  const DataPlacement& placement() const { return placement_; }
  int64_t parameters() { return moco_->queryEncoder().parameters().elements(); }
  int64_t stepsPerEpoch() const { return loader_->batchesPerEpoch(); }
  Encoder& queryEncoder() { return moco_->queryEncoder(); }
  /// The query encoder's, which evaluations extract features with.
  FrozenBackbone& backbone() { return *backbone_; }

  /// What the user should know and was not told yet, one line each.
  std::vector<std::string> takeWarnings() { return std::exchange(warnings_, {}); }

 private:
  StepMetrics step(int64_t epoch, int64_t number);
  /// What is being thrown, as an Error that says where and what helps.
  Error errorAt(const std::string& place) const;
  void warnOfMissingMemory();
  /// Warns, once for each kind of work, where it could not be recorded.
  /// @param work     in words, as `the steps run`
  /// @param failure  why; empty where all is well
  void reportGraphFailure(const std::string& work, const std::string& failure);
  /// (B): drawn anew for each step; undefined with one BatchNorm group, where it changes nothing.
  at::Tensor keyOrder(int64_t epoch, int64_t step) const;

  TrainerOptions options_;
  at::Device device_;
  Precision precision_;
  int64_t computeThreads_;
  int64_t dataThreads_;
  int64_t availableMemory_;
  MemoryPlan memoryPlan_;
  std::optional<Moco> moco_;
  std::optional<FrozenBackbone> backbone_;
  DataPlacement placement_;
  std::unique_ptr<InputLoader> loader_;
  std::vector<std::string> warnings_;
  std::set<std::string> notRecorded_;  // what was reported of it
};

}  // namespace moco
