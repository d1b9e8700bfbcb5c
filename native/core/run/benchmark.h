#pragma once

#include <ATen/ATen.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/device/graphed_function.h"
#include "core/device/profiler.h"
#include "core/input/image_store.h"
#include "core/run/folded_benchmark.h"
#include "core/run/trainer.h"

namespace moco {

/// What is measured, and on what.
struct BenchmarkSettings {
  std::string arch;
  std::string stem;    // a name for `stemNamed`
  double width;        // factor of the backbone's numbers of channels
  int64_t imageSize;   // height and width of what the encoder sees
  int64_t storedSize;  // and of the pictures that views are made of
  int64_t batchSize;
  int64_t m;                           // the length of the queue
  std::optional<int64_t> matrix = {};  // side of the matrices that are multiplied
  ComputeSettings compute;             // a profile shows no operators of replayed steps

  /// Calls `visit(name, value)` for every setting.
  template <class Visit>
  void each(Visit&& visit) {
    visit("arch", arch);
    visit("stem", stem);
    visit("width", width);
    visit("imageSize", imageSize);
    visit("storedSize", storedSize);
    visit("batchSize", batchSize);
    visit("m", m);
    visit("matrix", matrix);
    compute.each(visit);
  }
};

/// Training steps and where their time went.
struct MeasuredSteps {
  double warmUp;  // seconds of the step before them; a model's first one chooses algorithms, too
  int64_t steps;
  double seconds;  // of all of them
  std::vector<OperatorTime> times;
};

/// How long it takes to extract features.
struct MeasuredExtraction {
  double first;       // seconds until the first chunk is done, with what has to be chosen for it
  double perPicture;  // seconds, without that
};

/// The size of a kNN evaluation.
struct KnnSize {
  int64_t bank, queries;  // how many features vote, and how many are classified
  int64_t k;              // neighbours that vote

  /// Calls `visit(name, value)` for every setting.
  template <class Visit>
  void each(Visit&& visit) {
    visit("bank", bank);
    visit("queries", queries);
    visit("k", k);
  }
};

/// Times the parts of training and evaluation, on random pictures of the data sets' size (not on
/// zeros, with which arithmetic is faster). A benchmark is made and used on one thread, like a
/// Trainer. Measurements go on for at least `least` seconds. They end soon after `stop` is set,
/// with Error ERR_MOCO_ABORTED. If CUDA graphs were asked for and the device can record them, they
/// end with Error ERR_MOCO_DEVICE where recording fails: plain steps are something else to measure.
class Benchmark {
 public:
  /// @param recorder  as for `Trainer`
  explicit Benchmark(const BenchmarkSettings& settings, const MakeRecorder& recorder = {});

  /// Training steps, with the making of views, after one step that warms up. At least one step is
  /// measured, and at most an epoch.
  MeasuredSteps steps(double least, Profiler::Detail detail, const std::atomic<bool>& stop);

  /// Extracting features: the backbone in evaluation mode.
  MeasuredExtraction extraction(double least, const std::atomic<bool>& stop);

  /// `timeFolded` of the query encoder.
  FoldedTimes folded(double least, const std::atomic<bool>& stop);

  /// Floating-point operations per second in the product of two square matrices: the fastest of
  /// several runs.
  double matrixProduct(double least, const std::atomic<bool>& stop);

  /// Seconds per training view on the calling thread.
  double augmentation(double least, const std::atomic<bool>& stop);

  /// Seconds that kNN takes to classify random features of the backbone's length, once.
  double knn(const KnnSize& size, const std::atomic<bool>& stop);

  Trainer& trainer() { return trainer_; }
  /// Multiply-adds of the encoder's forward pass for one picture.
  MultiplyAdds multiplyAdds();
  /// Length of the backbone's feature of a picture.
  int64_t featureLength() { return trainer_.queryEncoder().backboneDim(); }

 private:
  const at::Device& device() const { return trainer_.machine().device; }
  void requireRecorded() const;

  int64_t imageSize_;
  ImageStore pictures_;
  Trainer trainer_;
  int64_t matrixSide_;
  int64_t epoch_ = 0;
};

}  // namespace moco
