#pragma once

#include <chrono>
#include <initializer_list>
#include <mutex>
#include <vector>

namespace moco::addon {

/// Rows of numbers on their way from a native thread to JavaScript. The native thread never waits:
/// while JavaScript is busy, rows gather here, and then JavaScript takes all of them at once.
class RowFeed {
 public:
  /// Adds a row.
  /// @return  whether the caller should now call JavaScript, which then calls `take`. This is so at
  ///          most ten times a second, and never while an earlier call is still on its way.
  bool push(std::initializer_list<double> row);
  /// Takes the numbers of all rows since the last call, row after row.
  std::vector<double> take();

 private:
  std::mutex mutex_;
  std::vector<double> rows_;
  bool called_ = false;
  std::chrono::steady_clock::time_point lastCall_{};
};

}  // namespace moco::addon
