#pragma once

#include <ATen/ATen.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/device/machine.h"
#include "core/evaluate/frozen_backbone.h"
#include "core/evaluate/knn_evaluation.h"
#include "core/evaluate/linear_evaluation.h"
#include "core/evaluate/linear_sweep.h"
#include "core/evaluate/nearest_pictures.h"
#include "core/files/state_dict.h"
#include "core/input/data_placement.h"
#include "core/input/dataset.h"
#include "core/input/input_loader.h"
#include "core/model/encoder.h"

namespace moco {

/// The architecture of the model that is evaluated, and how to compute.
struct EvaluatorSettings {
  EncoderSettings encoder;  // without projections
  int64_t imageSize;        // height and width of what the encoder sees
  uint64_t seed;
  ComputeSettings compute;

  /// Calls `visit(name, value)` for every setting.
  template <class Visit>
  void each(Visit&& visit) {
    encoder.eachOfBackbone(visit);
    visit("imageSize", imageSize);
    visit("seed", seed);
    compute.each(visit);
  }
};

/// One step of a linear evaluation.
struct LinearStep {
  int64_t number;  // in the epoch, from 1
  double loss;     // mean over its batch
  int64_t pictures;
  double seconds;
};

/// Measures how good the features of a trained backbone are, on labelled pictures. An evaluator
/// must be made and used on one thread, because PyTorch's grad mode and number of threads belong to
/// the thread that set them.
class Evaluator {
 public:
  /// @param dataset  The training split is the kNN bank, and a linear classifier trains on it.
  /// @param model    has at least the backbone's tensors, `f.…`
  /// @throws Error ERR_MOCO_CHECKPOINT  if the model does not fit `arch` and `stem`
  /// @throws Error ERR_MOCO_CONFIG      if a split has no pictures
  Evaluator(EvaluatorSettings settings, Dataset dataset, const StateDict& model);
  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;
  ~Evaluator();

  /// `evaluateKnn` of the test split, with the training split as the bank.
  std::vector<KnnResult> knn(const KnnSettings& settings, const std::atomic<bool>& stop);

  /// `nearestPictures` of the training split, for pictures of the test split.
  NearestPictures nearest(const std::vector<int64_t>& queries, int64_t k,
                          const std::atomic<bool>& stop);

  /// Begins a linear evaluation, with a newly drawn classifier on the model's backbone. Nothing is
  /// left of an earlier one.
  /// @throws Error ERR_MOCO_CONFIG  if the batch size is not positive
  void startLinear(const LinearSettings& settings);

  /// Trains the classifier for one epoch, on one view of each picture. The last batch may be
  /// shorter.
  /// @param epoch  from 1; picks the order of the pictures and their views
  /// @return       loss and accuracy over the epoch's batches, each from before its update
  /// @throws Error ERR_MOCO_ABORTED     soon after `stop` is set: the step under way is finished
  /// @throws Error ERR_MOCO_NON_FINITE  with the number of the step, which has changed nothing
  LinearMetrics trainLinearEpoch(int64_t epoch,
                                 const std::function<void(const LinearStep&)>& onStep,
                                 const std::atomic<bool>& stop);

  /// Measures the classifier on the test split.
  LinearMetrics testLinear(const std::atomic<bool>& stop);
  /// Measures the classifier on the validation split, which must have been given.
  LinearMetrics validateLinear(const std::atomic<bool>& stop);

  /// Writes backbone and classifier as the reference's linear model.
  void saveLinear(const std::string& path, const std::string& description);

  /// `sweepLinear` of the model's backbone.
  /// @throws Error ERR_MOCO_CONFIG  if batch size, epochs or number of rates is not positive
  std::vector<SweepResult> sweep(const SweepSettings& settings, const std::atomic<bool>& stop);

  /// Warnings for the user since the last call, one line each.
  std::vector<std::string> takeWarnings() { return std::exchange(warnings_, {}); }

  const Machine& machine() const { return machine_; }
  const DataPlacement& placement() const { return placement_; }
  /// Number of the backbone's parameters.
  int64_t parameters() const { return encoder_->parameters().elements(); }
  /// The memory that the pictures and the backbone take, in bytes.
  int64_t heldBytes() const;

 private:
  /// What the encoder sees of a picture that it is measured with.
  TestView testView() const;
  LinearStep stepLinear(int64_t number, LinearTally& total);
  LinearEvaluation& linear();
  /// Warns of fused layers that fell back, once.
  void reportFallbacks(const FrozenBackbone& backbone);

  EvaluatorSettings settings_;
  Dataset dataset_;
  Machine machine_;
  std::optional<Encoder> encoder_;  // the model, which is never changed
  std::optional<LinearEvaluation> linear_;
  DataPlacement placement_;
  std::unique_ptr<InputLoader> loader_;
  std::vector<std::string> warnings_;
  bool warnedOfFallbacks_ = false;
};

}  // namespace moco
