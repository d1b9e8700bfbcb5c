#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "core/device/graphed_function.h"

/// How many sets of tensors calls go round, so that none finds its own in the GPU's L2 cache (50 MB
/// on an H100 and H200), which in a training step holds what came between.
/// @param bytes  that one call reads and writes
int64_t rotatingSets(const at::Device& device, double bytes);

/// Calls of one kernel that are timed together: on a GPU for at least some milliseconds between two
/// events, as one CUDA graph where those can be recorded, so that the host's time is not measured.
class TimedCalls {
 public:
  /// Calls everything twice, so that libraries choose their algorithms, and records the calls.
  /// @param call  called with 0 … sets − 1, the set of tensors to work on
  TimedCalls(const at::Device& device, int64_t sets, std::function<void(int64_t)> call);

  /// Seconds of one call, on the average of all sets.
  double seconds();

 private:
  void runOnce();
  double secondsOfLaps(int64_t laps);

  at::Device device_;
  int64_t sets_;
  std::function<void(int64_t)> call_;
  std::unique_ptr<moco::GraphRecorder> graph_;
  int64_t laps_ = 1;  // how often all sets are gone through in one measurement
};
