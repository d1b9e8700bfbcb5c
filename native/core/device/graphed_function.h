#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace moco {

/// Records work for a device, to start all of it again at once: a CUDA graph.
class GraphRecorder {
 public:
  virtual ~GraphRecorder() = default;
  /// Records what `work` gives the device to do; nothing of it is done before `replay`.
  /// @throws std::exception  where the work cannot be recorded
  virtual void record(const std::function<void()>& work) = 0;
  virtual void replay() = 0;
};

/// Makes a recorder; an empty one: nothing is recorded.
using MakeRecorder = std::function<std::unique_ptr<GraphRecorder>()>;

/// CUDA graphs where the device has them and they were compiled, else empty.
MakeRecorder graphRecorders(const at::Device& device);

/// A function that gives the device the same work every time. `kPlainCalls` calls run plainly:
/// libraries choose their algorithms and take what memory they keep. The next is recorded, and from
/// then on it is replayed: nothing is left to the host but copying the inputs to where the recorded
/// work reads them.
class GraphedFunction {
 public:
  static constexpr int kPlainCalls = 2;

  using Tensors = std::vector<at::Tensor>;
  using Function = std::function<Tensors(const Tensors&)>;

  /// @param function  reads and writes tensors that stay where they are, beside its inputs, and
  ///                  neither waits for the device nor changes anything on the host that counts
  /// @param recorder  nullptr: every call runs plainly
  GraphedFunction(Function function, std::unique_ptr<GraphRecorder> recorder);

  /// Inputs of other shapes than the recorded ones run plainly, as do all after a failure to
  /// record.
  /// @return  what the function returned; replayed, valid until the next call
  Tensors operator()(const Tensors& inputs);

  /// Whether calls are recorded, or will be.
  bool records() const { return recorder_ != nullptr; }
  /// Why recording failed; empty where it did not.
  const std::string& failure() const { return failure_; }

 private:
  bool record(const Tensors& inputs);
  bool fits(const Tensors& inputs) const;

  Function function_;
  std::unique_ptr<GraphRecorder> recorder_;
  int plainCalls_ = 0;
  bool recorded_ = false;
  Tensors inputs_;   // where the recorded work reads
  Tensors outputs_;  // … and writes
  std::string failure_;
};

}  // namespace moco
