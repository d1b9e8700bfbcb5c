#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/distributed/rendezvous.h"

namespace moco {

/// Tells the other processes of a run that this one lives and how far it is, by a number in the
/// store that a thread of its own raises, and hears from it why a run has ended.
class Watch {
 public:
  /// @param store  is not used by others at the same time
  Watch(Store store, int64_t rank, int64_t processes);
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch();

  /// This process has come to its so many-th exchange.
  void reach(int64_t exchange) { reached_ = exchange; }

  /// Tells all processes why the run has ended, unless one has done so before.
  void post(const std::string& reason);
  /// Why the run has ended, as one of the processes has said.
  std::optional<std::string> reason() const;

  /// What was last heard of a process.
  struct Sign {
    int64_t beat = 0, reached = 0;
    /// How often it was looked up since it was new. Silence is counted so, and not by a clock,
    /// which goes on while this process is stopped (Ctrl-Z) and hears nobody.
    int64_t repeats = 0;
  };
  /// What was last heard of all of them. It is looked up once a beat from the first call on.
  std::vector<Sign> signs();

  /// The other ranks from which nothing has come for so long.
  std::vector<int64_t> silentFor(double seconds);

  static constexpr std::chrono::milliseconds kBeat{500};

 private:
  void run();
  void beat(int64_t number);
  void lookUpSigns();

  const Store store_;
  const int64_t rank_;
  std::atomic<int64_t> reached_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Sign> signs_;
  bool isAsked_ = false;  // for signs
  std::optional<std::string> toPost_, reason_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace moco
