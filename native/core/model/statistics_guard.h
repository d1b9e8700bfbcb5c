#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "core/model/encoder.h"

namespace moco {

/// Keeps an encoder's BatchNorm statistics from the effects of a step that fails: when the guard is
/// destroyed, it restores what they were when it was made, unless `keep` was called before.
class StatisticsGuard {
 public:
  explicit StatisticsGuard(Encoder& encoder);
  StatisticsGuard(const StatisticsGuard&) = delete;
  StatisticsGuard& operator=(const StatisticsGuard&) = delete;
  ~StatisticsGuard();

  /// Leaves the statistics as they are: the step has succeeded.
  void keep() { keep_ = true; }

 private:
  Encoder& encoder_;
  at::Tensor before_;
  int64_t batches_;
  bool keep_ = false;
};

}  // namespace moco
