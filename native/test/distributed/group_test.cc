#include "core/distributed/group.h"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <torch/csrc/distributed/c10d/HashStore.hpp>

#include "core/base/error.h"

using namespace moco;

namespace {

/// Two processes, played by two threads.
/// @param first, second  what each does with its group
template <class First, class Second>
void two(const First& first, const Second& second, RendezvousSettings settings = {}) {
  const auto store = c10::make_intrusive<c10d::HashStore>();
  settings.processes = 2;
  std::thread other([&] {
    auto own = settings;
    own.rank = 1;
    auto group = std::make_unique<Group>(store, own, at::kCPU);
    second(group);
  });
  auto group = std::make_unique<Group>(store, settings, at::kCPU);
  first(*group);
  other.join();
}

/// What an exchange with the other process ends with.
std::string failureOf(Group& group) {
  try {
    group.gather(at::ones({1}));
  } catch (const Error& error) {
    CHECK(error.code == "ERR_MOCO_PEER");
    return error.what();
  }
  return "nothing";
}

}  // namespace

TEST_CASE("a process that ends without a word is named") {
  two([](Group& group) { CHECK(failureOf(group) == "rank 1 ended without a word"); },
      [](auto& group) { group.reset(); });
}

TEST_CASE("a process that says why it ends is heard by the others") {
  two([](Group& group) { CHECK(failureOf(group) == "rank 1 ended: the disk is full"); },
      [](auto& group) { group->leave("rank 1 ended: the disk is full"); });
}

TEST_CASE("a process that lives, and keeps the others waiting, is named") {
  two([](Group& group) { CHECK(failureOf(group) == "rank 1 kept the others waiting for 1 s"); },
      [](auto& group) {
        std::this_thread::sleep_for(std::chrono::seconds(3));
        CHECK(failureOf(*group) == "rank 1 kept the others waiting for 1 s");
      },
      {.stuckSeconds = 1});
}

TEST_CASE("an exchange can be stopped") {
  two(
      [](Group& group) {
        const std::atomic<bool> stop = true;
        CHECK_THROWS_WITH_AS(group.exchange("", stop), doctest::Contains("stopped"), Error);
        group.leave("rank 0 was stopped");
      },
      [](auto& group) { CHECK(failureOf(*group) == "rank 0 was stopped"); });
}
