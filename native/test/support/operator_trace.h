#pragma once

#include <ATen/record_function.h>

#include <functional>
#include <string>
#include <vector>

#include "core/device/graphed_function.h"
#include "support/graph_double.h"

namespace moco {

/// An operator that was called.
struct OperatorCall {
  std::string name;  // `aten::mm`
  std::vector<std::string>
      callers;  // the operators within which it was called, the outermost first
  std::vector<c10::IValue> inputs;
};

/// Lists the operators that the calling thread calls while this object lives, in order.
class OperatorTrace {
 public:
  explicit OperatorTrace(std::vector<OperatorCall>& calls);
  OperatorTrace(const OperatorTrace&) = delete;
  OperatorTrace& operator=(const OperatorTrace&) = delete;
  ~OperatorTrace();

 private:
  at::CallbackHandle callback_;
};

/// A GraphDouble that lists the operators which it replays: the work that a CUDA graph would hold.
class TracedGraph final : public GraphRecorder {
 public:
  TracedGraph(GraphLog& log, std::vector<OperatorCall>& calls) : double_(log), calls_(calls) {}

  void record(const std::function<void()>& work) override { double_.record(work); }
  void replay() override {
    const OperatorTrace trace(calls_);
    double_.replay();
  }

 private:
  GraphDouble double_;
  std::vector<OperatorCall>& calls_;
};

}  // namespace moco
