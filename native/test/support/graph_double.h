#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/device/graphed_function.h"

namespace moco {

/// How often GraphDoubles were used, and how they are to behave.
struct GraphLog {
  int recorded = 0;
  int replayed = 0;
  std::string failure;             // recording fails with it, unless it is empty
  bool hostSeesReplays = true;     // false makes replays do nothing at all
  std::function<void()> onReplay;  // runs instead of the work, if it is set
};

/// Stands in for a CUDA graph where there is no GPU. Unlike a graph, it does the work already while
/// it records it. It therefore does nothing at the first replay, which always follows at once.
class GraphDouble final : public GraphRecorder {
 public:
  explicit GraphDouble(GraphLog& log) : log_(log) {}

  void record(const std::function<void()>& work) override {
    ++log_.recorded;
    if (!log_.failure.empty()) throw std::runtime_error(log_.failure);
    work_ = work;
    work_();
    isDone_ = true;
  }

  void replay() override {
    ++log_.replayed;
    if (std::exchange(isDone_, false)) return;
    if (log_.onReplay) return log_.onReplay();
    if (log_.hostSeesReplays) work_();
  }

 private:
  GraphLog& log_;
  std::function<void()> work_;
  bool isDone_ = false;
};

}  // namespace moco
