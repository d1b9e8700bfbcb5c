#include "core/distributed/rendezvous.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "core/base/error.h"

using namespace moco;

namespace {

/// A port of this machine that nobody uses at this moment.
int64_t freePort() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  REQUIRE(bind(socket, reinterpret_cast<sockaddr*>(&address), length) == 0);
  REQUIRE(getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  close(socket);
  return ntohs(address.sin_port);
}

RendezvousSettings settings(int64_t rank, int64_t processes, int64_t port) {
  return {.rank = rank,
          .processes = processes,
          .host = "127.0.0.1",
          .port = port,
          .hostsStore = rank == 0,
          .joinSeconds = 1};
}

const std::atomic<bool> kNever = false;

}  // namespace

TEST_CASE("processes meet, and each has the same store") {
  const int64_t port = freePort();
  std::thread other(
      [&] { meet(settings(1, 2, port), kNever)->set("greeting", std::vector<uint8_t>{1, 2, 3}); });
  const Store store = meet(settings(0, 2, port), kNever);
  CHECK(store->get("greeting") == std::vector<uint8_t>{1, 2, 3});
  other.join();
}

TEST_CASE("a rendezvous that not all join names those that are missing") {
  CHECK_THROWS_WITH_AS(meet(settings(0, 4, freePort()), kNever),
                       doctest::Contains("ranks 1, 2 and 3 of 4 did not join the run at 127.0.0.1"),
                       Error);
}

TEST_CASE("a process that finds nobody at the port says where it has looked") {
  CHECK_THROWS_WITH_AS(meet(settings(1, 2, freePort()), kNever),
                       doctest::Contains("rank 1 cannot reach 127.0.0.1:"), Error);
}

TEST_CASE("a port that is taken is named") {
  const int64_t port = freePort();
  const Store first = meet(settings(0, 1, port), kNever);
  CHECK_THROWS_WITH_AS(meet(settings(0, 1, port), kNever), doctest::Contains("cannot listen at"),
                       Error);
}

TEST_CASE("two processes of the same rank are refused") {
  const int64_t port = freePort();
  const Store first = meet(settings(0, 1, port), kNever);
  auto second = settings(0, 1, port);
  second.hostsStore = false;
  CHECK_THROWS_WITH_AS(meet(second, kNever), doctest::Contains("say that they are rank 0"), Error);
}

TEST_CASE("waiting for others can be stopped") {
  const std::atomic<bool> stop = true;
  CHECK_THROWS_WITH_AS(meet(settings(0, 2, freePort()), stop), doctest::Contains("stopped"), Error);
}

TEST_CASE("ranks are told in words") {
  CHECK(ranksInWords({3}) == "rank 3");
  CHECK(ranksInWords({1, 2}) == "ranks 1 and 2");
  CHECK(ranksInWords({1, 2, 5}) == "ranks 1, 2 and 5");
}
