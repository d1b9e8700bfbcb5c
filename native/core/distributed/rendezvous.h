#pragma once

#include <c10/util/intrusive_ptr.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <torch/csrc/distributed/c10d/Store.hpp>

namespace moco {

/// Where the processes of a run meet, and which of them this one is.
struct RendezvousSettings {
  int64_t rank = 0;            // from 0
  int64_t processes = 1;       // of the run
  std::string host = {};       // of the store
  int64_t port = 0;            // the same
  bool hostsStore = false;     // whether the store is this process's; else another's, or torchrun's
  std::string run = "moco";    // what the names of the run's keys begin with
  double joinSeconds = 300;    // within which all processes must be there
  double silenceSeconds = 30;  // without a sign of life, after which a process counts as lost
  double stuckSeconds = 1800;  // for which a living process may keep the others waiting

  /// Calls `visit(name, value)` for every setting.
  template <class Visit>
  void each(Visit&& visit) {
    visit("rank", rank);
    visit("processes", processes);
    visit("host", host);
    visit("port", port);
    visit("hostsStore", hostsStore);
    visit("run", run);
    visit("joinSeconds", joinSeconds);
    visit("silenceSeconds", silenceSeconds);
    visit("stuckSeconds", stuckSeconds);
  }
};

using Store = c10::intrusive_ptr<c10d::Store>;

/// Connects to the store, or opens it, and waits until all processes have done so.
/// @param stop  gives up soon after it is set
/// @return      the run's own part of it
/// @throws Error ERR_MOCO_PEER  if the store cannot be reached or opened, or processes are
///                                    missing when the time is over: the message says which
/// @throws Error ERR_MOCO_ABORTED     soon after `stop` is set
Store meet(const RendezvousSettings& settings, const std::atomic<bool>& stop);

/// Ranks in words: `rank 3`, or `ranks 1, 2 and 5`.
std::string ranksInWords(const std::vector<int64_t>& ranks);

}  // namespace moco
