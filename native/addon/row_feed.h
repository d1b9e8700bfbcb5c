#pragma once

#include <chrono>
#include <initializer_list>
#include <mutex>
#include <vector>

namespace moco::addon {

/// Rows of numbers on their way from a native thread to JavaScript. While JavaScript is busy, rows
/// wait here and then cross in one piece; the native thread never waits.
class RowFeed {
 public:
  /// @return whether JavaScript should be called for it: never while a call is on its way, and at
  ///         most ten times a second
  bool push(std::initializer_list<double> row);
  /// All rows since the last call, one after the other.
  std::vector<double> take();

 private:
  std::mutex mutex_;
  std::vector<double> rows_;
  bool called_ = false;
  std::chrono::steady_clock::time_point lastCall_{};
};

}  // namespace moco::addon
