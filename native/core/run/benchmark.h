#pragma once

#include <ATen/ATen.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "core/device/profiler.h"
#include "core/input/image_store.h"
#include "core/run/trainer.h"

namespace moco {

struct BenchmarkOptions {
  std::string arch;
  int64_t batchSize;
  int64_t queueLength;
  std::string device;          // as for resolveDevice
  std::string precision;       // as for resolvePrecision
  int64_t dataThreads;         // 0: chosen here
  int64_t computeThreads;      // 0: chosen by PyTorch
  int64_t matrixSide;          // of the matrices that are multiplied; 0: chosen here
  Arithmetic arithmetic = {};  // of a GPU
  bool cudaGraph = true;       // as for a Trainer; no operator is seen in recorded steps
};

/// Training steps and where their time went.
struct MeasuredSteps {
  int64_t steps;
  double seconds;  // of all of them
  std::vector<OperatorTime> times;
};

struct KnnSize {
  int64_t bank, queries, neighbours;
};

/// Times what training and evaluation consist of, on random pictures of the data sets' size (never
/// zeros, with which arithmetic is faster). Made and used on one thread, like a Trainer. Every
/// measurement ends soon after `stop` is set, with Error ERR_MOCO_ABORTED.
class Benchmark {
 public:
  explicit Benchmark(const BenchmarkOptions& options);

  /// Training steps, views included, after one of warm-up.
  /// @param least  how many seconds to go on for, at least; one step as a minimum, and an epoch as
  ///               a maximum
  MeasuredSteps steps(double least, Profiler::Detail detail, const std::atomic<bool>& stop);

  /// Seconds per picture of what the evaluation does with them: backbone, evaluation mode.
  double extraction(double least, const std::atomic<bool>& stop);

  /// Floating-point operations per second in the product of two square matrices: the best of
  /// several.
  double matrixProduct(double least, const std::atomic<bool>& stop);

  /// Seconds per training view on the calling thread.
  double augmentation(double least, const std::atomic<bool>& stop);

  /// Seconds in which `queries` random features are classified by the nearest of a bank; features
  /// have the backbone's length.
  double knn(const KnnSize& size, const std::atomic<bool>& stop);

  Trainer& trainer() { return trainer_; }
  /// Of one picture.
  MultiplyAdds multiplyAdds();
  /// Length of a feature.
  int64_t featureLength() { return trainer_.queryEncoder().backboneDim(); }

 private:
  ImageStore pictures_;
  Trainer trainer_;
  int64_t matrixSide_;
  int64_t epoch_ = 0;
};

}  // namespace moco
