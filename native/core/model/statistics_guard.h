#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "core/model/encoder.h"

namespace moco {

/// Puts an encoder's BatchNorm statistics back to what they were, unless told that all went well.
class StatisticsGuard {
 public:
  explicit StatisticsGuard(Encoder& encoder);
  StatisticsGuard(const StatisticsGuard&) = delete;
  StatisticsGuard& operator=(const StatisticsGuard&) = delete;
  ~StatisticsGuard();

  void keep() { keep_ = true; }

 private:
  Encoder& encoder_;
  at::Tensor before_;
  int64_t batches_;
  bool keep_ = false;
};

}  // namespace moco
