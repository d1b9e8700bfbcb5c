#pragma once

#include <ATen/ATen.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/device/device.h"
#include "core/evaluate/frozen_backbone.h"
#include "core/evaluate/knn_evaluation.h"
#include "core/evaluate/linear_evaluation.h"
#include "core/evaluate/linear_sweep.h"
#include "core/files/state_dict.h"
#include "core/input/data_placement.h"
#include "core/input/image_store.h"
#include "core/input/input_loader.h"
#include "core/model/encoder.h"

namespace moco {

struct EvaluatorOptions {
  ImageStore train;  // the kNN bank, and what a linear classifier trains on
  ImageStore test;
  std::optional<ImageStore> validation;  // none of them in `train`
  Normalisation normalisation;
  std::string arch;
  std::string stem;  // as for stemNamed
  uint64_t seed;
  std::string device;          // as for resolveDevice
  std::string precision;       // as for resolvePrecision
  int64_t dataThreads;         // 0: chosen here
  int64_t computeThreads;      // 0: chosen by PyTorch
  Arithmetic arithmetic = {};  // of a GPU
};

/// One step of a linear evaluation.
struct LinearStep {
  int64_t number;  // in the epoch, from 1
  double loss;     // mean over its batch
  int64_t pictures;
  double seconds;
};

/// Measures what a trained backbone is worth on labelled pictures. Made and used on one thread:
/// PyTorch's grad mode and number of threads belong to the thread that set them.
class Evaluator {
 public:
  /// @param model  the backbone's tensors `f.…`
  /// @throws Error ERR_MOCO_CHECKPOINT  where the model does not fit
  /// @throws Error ERR_MOCO_CONFIG      where a split has no pictures
  Evaluator(EvaluatorOptions options, const StateDict& model);
  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;
  ~Evaluator();

  /// `evaluateKnn` of the test split, with the training split as the bank.
  std::vector<KnnResult> knn(int64_t neighbours, const std::vector<double>& temperatures,
                             const std::atomic<bool>& stop);

  /// Puts a newly drawn linear classifier on the backbone as it is in the model.
  /// @throws Error ERR_MOCO_CONFIG  where the batch size is not positive
  void startLinear(const LinearOptions& options);

  /// Trains the classifier for epoch number `epoch` (from 1), which picks its shuffle and its
  /// views: one view per picture, the last batch kept.
  /// @return  over the epoch's batches, each before its update
  /// @throws Error ERR_MOCO_ABORTED     soon after `stop` is set: the step in work is finished
  /// @throws Error ERR_MOCO_NON_FINITE  naming the step, of which nothing was applied
  LinearMetrics trainLinearEpoch(int64_t epoch,
                                 const std::function<void(const LinearStep&)>& onStep,
                                 const std::atomic<bool>& stop);

  /// The classifier on the test split.
  LinearMetrics testLinear(const std::atomic<bool>& stop);
  /// The classifier on the validation split, which must be there.
  LinearMetrics validateLinear(const std::atomic<bool>& stop);

  /// Writes backbone and classifier as the reference's linear model.
  void saveLinear(const std::string& path);

  /// `sweepLinear` of the backbone as it is in the model.
  /// @throws Error ERR_MOCO_CONFIG  where batch size, epochs or number of rates is not positive
  std::vector<SweepResult> sweep(const SweepOptions& options, const std::atomic<bool>& stop);

  const at::Device& device() const { return device_; }
  const Precision& precision() const { return precision_; }
  int64_t computeThreads() const { return computeThreads_; }
  int64_t dataThreads() const { return dataThreads_; }
  const DataPlacement& placement() const { return placement_; }
  /// Of the backbone.
  int64_t parameters() const { return encoder_->parameters().elements(); }

 private:
  LinearStep stepLinear(int64_t number, LinearTally& total);
  LinearEvaluation& linear();

  EvaluatorOptions options_;
  at::Device device_;
  Precision precision_;
  int64_t computeThreads_;
  int64_t dataThreads_;
  std::optional<Encoder> encoder_;  // as in the model
  std::optional<LinearEvaluation> linear_;
  DataPlacement placement_;
  std::unique_ptr<InputLoader> loader_;
};

}  // namespace moco
