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
#include "core/contrast/graphed_moco.h"
#include "core/contrast/moco.h"
#include "core/device/device.h"
#include "core/device/side_stream.h"
#include "core/distributed/peers.h"
#include "core/evaluate/accuracy.h"
#include "core/evaluate/frozen_backbone.h"
#include "core/evaluate/label_free_measures.h"
#include "core/files/tensor_file.h"
#include "core/input/data_placement.h"
#include "core/input/dataset.h"
#include "core/input/input_loader.h"
#include "core/optimise/learning_rate_schedule.h"
#include "core/run/memory_plan.h"
#include "core/run/snapshot.h"
#include "core/run/trainer_settings.h"

namespace moco {

/// One row of the run's metrics.
struct StepMetrics {
  int64_t step;  // in the epoch, from 1
  StepResult result;
  double learningRate;
  double seconds;
  double queueFill;           // share of the queue that holds keys of pictures; the rest is random
  double secondsWithoutCore;  // of them, as `secondsWithoutCore` counts
};

/// What a run begins with in place of random parameters.
struct Beginning {
  std::optional<TensorSource> checkpoint = {};  // a state to resume from
  std::optional<TensorSource> weights = {};  // parameters and statistics of a part of the encoder
};

/// How good the encoder is.
struct Evaluation {
  std::optional<Accuracy> knn;  // absent if no training or no test picture has a label
  std::optional<LabelFreeMeasures> measures;  // absent if there is only one test picture
};

/// A training run: model, optimiser, data and random state. A trainer must be made and used on one
/// thread, because PyTorch's grad mode and number of threads belong to the thread that set them.
class Trainer {
 public:
  /// @param recorder  makes the recorders of work that repeats; empty: as for the machine
  /// @param peers     that train together. All have the same settings and pictures, and begin with
  ///                  the same; the batch and its BatchNorm groups are shared out among them
  /// @throws Error ERR_MOCO_CONFIG      if k or the batch is larger than the data set, or the
  ///                                    groups do not divide the batch, or the processes the groups
  /// @throws Error ERR_MOCO_CHECKPOINT  if what it begins with is damaged or of another model
  explicit Trainer(TrainerSettings settings, Dataset dataset, const Beginning& beginning = {},
                   const MakeRecorder& recorder = {}, Peers peers = {});
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;
  ~Trainer();

  /// Trains for one epoch.
  /// @param epoch      from 1; picks the order of the pictures and their views
  /// @param firstStep  from 1; a later step continues an epoch that was interrupted before it
  /// @param onStep     is called after every step
  /// @param stop       once it is set, the epoch ends after the step under way
  /// @param lastStep   ends the epoch, as the last one of a run that has no whole number of epochs;
  ///                   absent: all of its steps are done
  /// @return           the number of the last step that was done
  /// @throws Error ERR_MOCO_NON_FINITE     with the number of the step, which has changed nothing
  /// @throws Error ERR_MOCO_OUT_OF_MEMORY  saying which batch would fit
  /// @throws Error ERR_MOCO_DEVICE         if the GPU has failed: no tensor on it can be used again
  int64_t trainEpoch(int64_t epoch, int64_t firstStep,
                     const std::function<void(const StepMetrics&)>& onStep,
                     const std::atomic<bool>& stop, std::optional<int64_t> lastStep = {});

  /// How good the query encoder is, on the test split: by a weighted kNN vote of the training
  /// pictures, with features of the backbone, where there are labels; and by what is measured
  /// without labels, on the first `kMostMeasuredPictures`.
  Evaluation evaluate(const std::atomic<bool>& stop);

  /// A copy of the run's state, for another thread to write to files while this one trains on.
  /// @throws Error ERR_MOCO_OUT_OF_MEMORY  saying which batch would leave room for it
  Snapshot snapshot() const;

  /// The memory that the run should take, as planned before it began.
  const MemoryPlan& memoryPlan() const { return memoryPlan_; }
  /// Bytes that were there for it at that time.
  int64_t availableMemory() const { return availableMemory_; }

  const Machine& machine() const { return machine_; }
  const DataPlacement& placement() const { return placement_; }
  int64_t parameters() { return moco_->queryEncoder().parameters().elements(); }
  int64_t stepsPerEpoch() const { return loader_->batchesPerEpoch() / batchesPerStep(); }
  Encoder& queryEncoder() { return moco_->queryEncoder(); }
  /// The query encoder's backbone, with which evaluations extract features.
  FrozenBackbone& backbone() { return *backbone_; }

  /// Why recording steps or evaluations has failed; empty if it has not.
  const std::string& graphFailure() const;

  /// Warnings for the user since the last call, one line each.
  std::vector<std::string> takeWarnings() { return std::exchange(warnings_, {}); }

 private:
  StepMetrics step(int64_t epoch, int64_t number);
  /// The loader's next batch, which is the epoch's `number`-th, from 1.
  StepInput nextBatch(int64_t epoch, int64_t number);
  RunLength runLength() const;
  int64_t batchesPerStep() const { return settings_.contrast.accumulate; }
  Accuracy vote(const std::atomic<bool>& stop);
  LabelFreeMeasures measure(const std::atomic<bool>& stop);
  /// Turns the exception that is being handled into an Error that says where it happened and what
  /// helps.
  Error errorAt(const std::string& place) const;
  MocoOptions mocoOptions() const;
  MemoryDemand memoryDemand() const;
  void warnOfMissingMemory();
  void warnOfMissingGraphs();
  /// Warns that work could not be recorded as a CUDA graph, once for each kind of work.
  /// @param work     a subject and verb for the warning, such as `the steps run`
  /// @param failure  the reason; empty if nothing is wrong
  void reportGraphFailure(const std::string& work, const std::string& failure);
  /// Warns of fused layers that fell back, once.
  void reportFallbacks();
  /// Whether the key encoder gets the pictures in another order than the query encoder. With one
  /// BatchNorm group the order would change nothing.
  bool shufflesKeys() const;
  /// The views that the loader makes, and those of each in `StepInput`.
  std::vector<ViewPlan> loadedViews() const;

  TrainerSettings settings_;
  Peers peers_;
  Dataset dataset_;
  bool canVote_;  // whether labels are there for a kNN evaluation
  Machine machine_;
  int64_t availableMemory_;
  MemoryPlan memoryPlan_;
  std::optional<GraphedMoco> moco_;
  std::optional<FrozenBackbone> backbone_;
  std::optional<SideStream> saving_;  // on which snapshots are written
  DataPlacement placement_;
  std::unique_ptr<InputLoader> loader_;
  std::optional<LearningRateSchedule> schedule_;
  std::vector<std::string> warnings_;
  std::set<std::string> notRecorded_;  // the kinds of work that were warned about
  bool warnedOfFallbacks_ = false;
};

}  // namespace moco
