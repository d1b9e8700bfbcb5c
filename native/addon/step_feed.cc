#include "addon/step_feed.h"

#include <utility>

namespace moco::addon {
namespace {

constexpr std::chrono::milliseconds kShortestInterval{100};

}  // namespace

bool StepFeed::push(const StepMetrics& metrics) {
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  rows_.insert(rows_.end(), {static_cast<double>(metrics.step), metrics.result.loss,
                             metrics.result.accuracy, metrics.result.gradientNorm,
                             metrics.learningRate, metrics.seconds, metrics.queueFill});
  if (called_ || now - lastCall_ < kShortestInterval) return false;
  called_ = true;
  lastCall_ = now;
  return true;
}

std::vector<double> StepFeed::take() {
  const std::lock_guard lock(mutex_);
  called_ = false;
  return std::exchange(rows_, {});
}

}  // namespace moco::addon
