#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace moco {

/// Records work for a device, so that all of it can be started again with one call: a CUDA graph.
class GraphRecorder {
 public:
  virtual ~GraphRecorder() = default;
  /// Calls `work` and records what it launches on the device. None of that runs before `replay`.
  /// @throws std::exception  if the work cannot be recorded
  virtual void record(const std::function<void()>& work) = 0;
  /// Starts all that was recorded.
  virtual void replay() = 0;
};

/// Makes a recorder. An empty function means that nothing is to be recorded.
using MakeRecorder = std::function<std::unique_ptr<GraphRecorder>()>;

/// A maker of CUDA graphs, if the device is a GPU and this build has CUDA kernels; else empty.
MakeRecorder graphRecorders(const at::Device& device);

/// A function that gives the device the same work in every call. The first `kPlainCalls` calls run
/// plainly, so that libraries choose their algorithms and allocate the memory that they keep. The
/// next call is recorded, and it and all later ones are replayed: the host then only copies the
/// inputs to where the recorded work reads them. Where inputs have changed for good, as when views
/// have grown, the same begins anew.
class GraphedFunction {
 public:
  static constexpr int kPlainCalls = 2;

  using Tensors = std::vector<at::Tensor>;
  using Function = std::function<Tensors(const Tensors&)>;

  /// @param function  may use, beside its inputs, only tensors that stay at the same address. It
  ///                  must not wait for the device. It must not rely on changing anything on the
  ///                  host, because a replay does not run its code.
  /// @param recorder  nullptr makes every call run plainly
  GraphedFunction(Function function, std::unique_ptr<GraphRecorder> recorder);

  /// Calls the function or replays it. It is called plainly if the inputs differ from the recorded
  /// ones in shape, strides or type, up to `kPlainCalls` times in a row, and always after recording
  /// has failed.
  /// @return  what the function returned; after a replay only valid until the next call
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
  int plainCalls_ = 0;  // in a row
  bool recorded_ = false;
  Tensors inputs_;   // what the recorded work reads
  Tensors outputs_;  // what the recorded work writes
  std::string failure_;
};

}  // namespace moco
