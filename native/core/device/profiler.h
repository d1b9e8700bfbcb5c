#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace moco {

/// Parts of a training step. The code marks them with RECORD_USER_SCOPE, which does nothing while
/// no profiler is there. Forward and backward of a step that is recorded (`GraphedFunction`) are
/// outside of all of them.
namespace phase {

inline constexpr const char* kWait = "wait";          // for views
inline constexpr const char* kInput = "input";        // views carried to the device, or made there
inline constexpr const char* kForward = "forward";    // of both encoders, and the loss
inline constexpr const char* kBackward = "backward";  // the gradients, gathered, and their norm
inline constexpr const char* kUpdate = "update";      // optimiser, momentum update and queue

}  // namespace phase

/// Where time went.
struct OperatorTime {
  std::string phase;  // the innermost one; empty outside of all
  std::string name;   // as PyTorch's `aten::mm`; of a phase itself: its time outside of operators
  int64_t calls = 0;
  double seconds = 0;  // without the operators that it calls: all add up to the whole
};

/// Measures what the calling thread runs, gradients that PyTorch computes on a thread of its own
/// included, from its construction to its end. There is one at a time; another one waits.
class Profiler {
 public:
  enum class Detail {
    kPhases,     // whole phases: costs nothing that could be measured
    kOperators,  // each operator; on a GPU each is waited for, which makes the whole slower
  };

  Profiler(const at::Device& device, Detail detail);
  Profiler(const Profiler&) = delete;
  Profiler& operator=(const Profiler&) = delete;
  ~Profiler();

  /// In order of their first end.
  const std::vector<OperatorTime>& times() const;

 private:
  class Records;

  std::unique_ptr<Records> records_;
  uint64_t callback_;
};

}  // namespace moco
