#pragma once

#include <chrono>
#include <mutex>
#include <vector>

#include "core/trainer.h"

namespace moco::addon {

/// Metrics on their way from the training thread to JavaScript. While JavaScript is busy, rows wait
/// here and then cross in one piece; the training never waits.
class StepFeed {
 public:
  /// Adds a row (the columns of src/native/addon.ts).
  /// @return whether JavaScript should be called for it: never while a call is on its way, and at
  /// most
  ///         ten times a second
  bool push(const StepMetrics& metrics);
  /// All rows since the last call, one after the other.
  std::vector<double> take();

 private:
  std::mutex mutex_;
  std::vector<double> rows_;
  bool called_ = false;
  std::chrono::steady_clock::time_point lastCall_{};
};

}  // namespace moco::addon
