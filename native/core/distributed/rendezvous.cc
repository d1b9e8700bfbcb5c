#include "core/distributed/rendezvous.h"

#include <c10/util/Logging.h>

#include <chrono>
#include <exception>
#include <optional>
#include <thread>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <vector>

#include "core/base/error.h"

namespace moco {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kBetweenLooks{50};
/// Of one attempt to connect: so long may it take until `stop` is noticed.
constexpr std::chrono::milliseconds kAttempt{2000};

std::string addressOf(const RendezvousSettings& settings) {
  return settings.host + ":" + std::to_string(settings.port);
}

void requireWanted(const std::atomic<bool>& stop) {
  if (stop) throw Error("ERR_MOCO_ABORTED", "stopped while the processes were meeting");
}

/// The first line of what LibTorch says, which goes on with places in its sources.
std::string firstLine(const std::exception& error) {
  const std::string text = error.what();
  return text.substr(0, text.find('\n'));
}

Store openStore(const RendezvousSettings& settings) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(settings.port);
  options.isServer = true;
  options.waitWorkers = false;
  // The one without libuv: what LibTorch calls of it would be found in Node, which has another.
  options.useLibUV = false;
  try {
    return c10::make_intrusive<c10d::TCPStore>(settings.host, options);
  } catch (const std::exception& error) {
    throw Error("ERR_MOCO_PEER",
                "cannot listen at " + addressOf(settings) + ": " + firstLine(error),
                "Choose another port (MASTER_PORT), or end what uses this one.");
  }
}

Store connect(const RendezvousSettings& settings, Clock::time_point end,
              const std::atomic<bool>& stop) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(settings.port);
  options.waitWorkers = false;
  options.timeout = kAttempt;
  while (true) {
    requireWanted(stop);
    try {
      return c10::make_intrusive<c10d::TCPStore>(settings.host, options);
    } catch (const std::exception& error) {
      if (Clock::now() < end) continue;
      throw Error("ERR_MOCO_PEER",
                  "rank " + std::to_string(settings.rank) + " cannot reach " + addressOf(settings) +
                      ", where the processes of the run meet: " + firstLine(error),
                  "Check that rank 0 was started, that its host name can be resolved from here, "
                  "and that no firewall closes the port (MASTER_ADDR, MASTER_PORT).");
    }
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

std::string keyOf(int64_t rank) { return "joined/" + std::to_string(rank); }

std::vector<int64_t> missingFrom(c10d::Store& store, int64_t processes) {
  std::vector<int64_t> missing;
  for (int64_t rank = 0; rank < processes; ++rank) {
    if (!store.check({keyOf(rank)})) missing.push_back(rank);
  }
  return missing;
}

/// Enters this process, of which there may be one only.
void enter(c10d::Store& store, const RendezvousSettings& settings) {
  if (store.add(keyOf(settings.rank), 1) == 1) return;
  throw Error("ERR_MOCO_PEER",
              "two processes at " + addressOf(settings) + " say that they are rank " +
                  std::to_string(settings.rank),
              "Give each process of a run a rank of its own, and each run a port of its own.");
}

}  // namespace

std::string ranksInWords(const std::vector<int64_t>& ranks) {
  std::string words = ranks.size() == 1 ? "rank " : "ranks ";
  for (size_t i = 0; i < ranks.size(); ++i) {
    if (i > 0) words += i + 1 == ranks.size() ? " and " : ", ";
    words += std::to_string(ranks[i]);
  }
  return words;
}

Store meet(const RendezvousSettings& settings, const std::atomic<bool>& stop) {
  const auto end =
      Clock::now() + std::chrono::milliseconds(static_cast<int64_t>(1000 * settings.joinSeconds));
  c10::initLogging();  // by TORCH_CPP_LOG_LEVEL, as Python's torch does when it is imported
  const Store whole = settings.hostsStore ? openStore(settings) : connect(settings, end, stop);
  const auto store = c10::make_intrusive<c10d::PrefixStore>(settings.run, whole);
  enter(*store, settings);
  while (true) {
    const auto missing = missingFrom(*store, settings.processes);
    if (missing.empty()) return store;
    requireWanted(stop);
    if (Clock::now() >= end) {
      throw Error("ERR_MOCO_PEER",
                  ranksInWords(missing) + " of " + std::to_string(settings.processes) +
                      " did not join the run at " + addressOf(settings) + " within " +
                      std::to_string(static_cast<int64_t>(settings.joinSeconds)) + " s",
                  "Start all processes of the run; where they were started, see what they say.");
    }
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

}  // namespace moco
