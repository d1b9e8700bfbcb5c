#include "addon/row_feed.h"

#include <utility>

namespace moco::addon {
namespace {

constexpr std::chrono::milliseconds kShortestInterval{100};

}  // namespace

bool RowFeed::push(std::initializer_list<double> row) {
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  rows_.insert(rows_.end(), row);
  if (called_ || now - lastCall_ < kShortestInterval) return false;
  called_ = true;
  lastCall_ = now;
  return true;
}

std::vector<double> RowFeed::take() {
  const std::lock_guard lock(mutex_);
  called_ = false;
  return std::exchange(rows_, {});
}

}  // namespace moco::addon
