#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace moco {

/// Parts of a training step. The code marks them with RECORD_USER_SCOPE, which does nothing while
/// there is no profiler. When a recorded step is replayed (`GraphedFunction`), its forward and
/// backward pass belong to no phase, because the code that marks them does not run.
namespace phase {

inline constexpr const char* kWait = "wait";          // waiting for views
inline constexpr const char* kInput = "input";        // copying views to the device or making them
inline constexpr const char* kForward = "forward";    // both encoders and the loss
inline constexpr const char* kBackward = "backward";  // gradients, gathering them, and their norm
inline constexpr const char* kUpdate = "update";      // optimiser, momentum update and queue

}  // namespace phase

/// The time that one operator, or a phase itself, took within one phase.
struct OperatorTime {
  std::string phase;  // the innermost phase; empty outside of all phases
  std::string name;   // an operator such as `aten::mm`, or the phase for its time between operators
  int64_t calls = 0;
  double seconds = 0;  // without the operators that it calls, so that all add up to the whole time
};

/// Measures what the calling thread runs, from the profiler's construction to its destruction, with
/// the gradients that PyTorch computes on a thread of its own. There is one profiler at a time:
/// constructing a second one waits for the first to end.
class Profiler {
 public:
  enum class Detail {
    kPhases,     // whole phases only, at no measurable cost
    kOperators,  // every operator; on a GPU this waits for each, which slows the whole down
  };

  Profiler(const at::Device& device, Detail detail);
  Profiler(const Profiler&) = delete;
  Profiler& operator=(const Profiler&) = delete;
  ~Profiler();

  /// What was measured so far, in the order in which each first ended.
  const std::vector<OperatorTime>& times() const;

 private:
  class Records;

  std::unique_ptr<Records> records_;
  uint64_t callback_;
};

}  // namespace moco
