#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/device/graphed_function.h"

namespace moco {

/// What happened to a GraphDouble, and what shall.
struct GraphLog {
  int recorded = 0;
  int replayed = 0;
  std::string failure;             // of recording, where not empty
  bool hostSeesReplays = true;     // false: replays do nothing at all
  std::function<void()> onReplay;  // instead of the work, where there is one
};

/// Stands in for a CUDA graph. It cannot keep work from being done while it is recorded, and so
/// takes that for the first replay, which follows at once.
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
