#pragma once

#include <exception>
#include <memory>
#include <thread>
#include <torch/csrc/distributed/c10d/HashStore.hpp>
#include <vector>

#include "core/distributed/peers.h"

namespace moco {

/// Has some threads play the processes of a run, each with a group of its own.
/// @param work  work(peers) of each
/// Throws the first exception that one of them has thrown.
template <class Work>
void asProcesses(int64_t count, const Work& work) {
  const auto store = c10::make_intrusive<c10d::HashStore>();
  std::vector<std::exception_ptr> failures(count);
  std::vector<std::thread> threads;
  for (int64_t rank = 0; rank < count; ++rank) {
    threads.emplace_back([&, rank] {
      try {
        const RendezvousSettings settings{.rank = rank, .processes = count};
        work(Peers(std::make_shared<Group>(store, settings, at::kCPU)));
      } catch (...) {
        failures[rank] = std::current_exception();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

}  // namespace moco
