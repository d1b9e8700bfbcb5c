#pragma once

#include <ATen/ATen.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <vector>

#include "core/distributed/rendezvous.h"
#include "core/distributed/watch.h"

namespace moco {

/// The processes of a run, connected. All of them call the same functions in the same order, with
/// tensors of the same shapes. What they call throws, in each of them, an Error ERR_MOCO_PEER soon
/// after a process has ended or does not answer any more: the message says which, and why if that
/// is known. Work that was under way then goes on in threads of c10d until that gives up, so that a
/// group cannot be used any more, and is not taken apart.
class Group {
 public:
  using Work = c10::intrusive_ptr<c10d::Work>;

  /// Connects the processes that have met.
  /// @param store   where they have, from `meet`
  /// @param device  of the tensors
  Group(Store store, const RendezvousSettings& settings, const at::Device& device);
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;
  ~Group();

  int64_t rank() const { return settings_.rank; }
  int64_t size() const { return settings_.processes; }

  /// What every process says, in order of rank.
  /// @throws Error ERR_MOCO_ABORTED  soon after `stop` is set, and not for the others
  std::vector<std::string> exchange(const std::string& own, const std::atomic<bool>& stop);

  /// The tensors of all processes, one behind the other, in order of rank.
  /// @param own  (b, …), contiguous
  /// @return     (N · b, …)
  at::Tensor gather(const at::Tensor& own);
  /// Begins to replace a tensor by the sum over all processes.
  /// @param tensor  contiguous; stays in memory until `finish` has returned
  Work startSum(at::Tensor tensor);
  /// Waits until that is done.
  void finish(const Work& work);

  /// Tells the other processes that this one ends, and why.
  void leave(const std::string& reason) { watch_->post(reason); }

 private:
  /// Waits until `isDone(time)` says so, which itself waits up to that time.
  void await(const std::function<bool(std::chrono::milliseconds)>& isDone);
  /// Looks for what makes waiting vain.
  /// @param begin  of the waiting
  void requireAll(std::chrono::steady_clock::time_point begin);
  [[noreturn]] void fail(const std::string& reason);
  /// Finds out which process it was that has broken a connection.
  [[noreturn]] void failBy(const std::exception& broken);

  RendezvousSettings settings_;
  Store store_;
  std::optional<Watch> watch_;
  c10::intrusive_ptr<c10d::Backend> backend_;
  int64_t exchanges_ = 0;  // of any kind
  bool hasFailed_ = false;
};

}  // namespace moco
