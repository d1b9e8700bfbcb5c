#include "core/run/embed_queue.h"

#include <doctest/doctest.h>

#include <atomic>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace moco;

namespace {

const Failure kGivenUp{"ERR_MOCO_ABORTED", "given up", ""};

/// Requests that write down how they end: `<id>: <code>`, or `<id>` where they succeed.
class Requests {
 public:
  explicit Requests(EmbedQueue& queue) : queue_(queue) {}

  void add(int64_t id, int64_t count) {
    queue_.add({.id = id, .count = count, .pixels = nullptr}, [this, id](const EmbedOutcome& end) {
      const auto* failure = std::get_if<Failure>(&end);
      log_.push_back(std::to_string(id) + (failure ? ": " + failure->code : ""));
    });
  }
  const std::vector<std::string>& log() const { return log_; }

 private:
  EmbedQueue& queue_;
  std::vector<std::string> log_;
};

/// The parts of a batch as text: `1[0,3) 2[0,1)`.
std::string text(const std::vector<EmbedQueue::Part>& parts) {
  std::ostringstream text;
  for (const auto& [entry, begin, end] : parts) {
    text << (text.tellp() > 0 ? " " : "") << entry->request.id << '[' << begin << ',' << end << ')';
  }
  return text.str();
}

}  // namespace

TEST_CASE("a request alone is taken at once, as far as it fits a batch") {
  EmbedQueue queue;
  Requests requests(queue);
  CHECK(text(queue.take(4)).empty());
  requests.add(1, 6);
  CHECK(text(queue.take(4)) == "1[0,4)");
  CHECK(text(queue.take(4)) == "1[4,6)");
  CHECK(text(queue.take(4)).empty());
}

TEST_CASE("a small request shares the next batch with the large ones before it") {
  EmbedQueue queue;
  Requests requests(queue);
  requests.add(1, 1000);
  requests.add(2, 1000);
  CHECK(text(queue.take(8)) == "1[0,4) 2[0,4)");
  requests.add(3, 1);
  CHECK(text(queue.take(8)) == "1[4,8) 2[4,7) 3[0,1)");
  CHECK(text(queue.take(8)) == "2[7,11) 1[8,12)");
}

TEST_CASE("of more requests than a batch has room for, the longest wait is served first") {
  EmbedQueue queue;
  Requests requests(queue);
  for (int64_t id = 1; id <= 5; ++id) requests.add(id, 2);
  CHECK(text(queue.take(3)) == "1[0,1) 2[0,1) 3[0,1)");
  CHECK(text(queue.take(3)) == "4[0,1) 5[0,1) 1[1,2)");
  CHECK(text(queue.take(9)) == "2[1,2) 3[1,2) 4[1,2) 5[1,2)");
}

TEST_CASE("a request that was given up ends once, and leaves its place to others") {
  EmbedQueue queue;
  Requests requests(queue);
  requests.add(1, 5);
  requests.add(2, 2);
  const auto taken = queue.take(2);
  CHECK(text(taken) == "1[0,1) 2[0,1)");
  queue.cancel(1, kGivenUp);
  queue.cancel(1, kGivenUp);
  queue.cancel(7, kGivenUp);  // there is none
  CHECK(queue.statistics().waiting == 1);
  queue.end(taken[0].entry, {});  // what was being computed of it
  CHECK(requests.log() == std::vector<std::string>{"1: ERR_MOCO_ABORTED"});
  CHECK(text(queue.take(8)) == "2[1,2)");
  queue.end(taken[1].entry, {});
  CHECK(requests.log() == std::vector<std::string>{"1: ERR_MOCO_ABORTED", "2"});
}

TEST_CASE("all requests end together, also those that are being computed") {
  EmbedQueue queue;
  Requests requests(queue);
  requests.add(1, 1);
  requests.add(2, 3);
  const auto taken = queue.take(1);
  queue.endAll(kGivenUp);
  CHECK(requests.log() == std::vector<std::string>{"1: ERR_MOCO_ABORTED", "2: ERR_MOCO_ABORTED"});
  queue.end(taken[0].entry, {});
  CHECK(requests.log().size() == 2);
  CHECK(text(queue.take(8)).empty());
}

TEST_CASE("statistics count pictures, and batches by their size") {
  EmbedQueue queue;
  Requests requests(queue);
  requests.add(1, 5);
  CHECK(queue.statistics().waiting == 5);
  queue.take(2);
  queue.take(2);
  queue.take(2);
  queue.take(2);  // nothing is left
  const auto statistics = queue.statistics();
  CHECK(statistics.waiting == 0);
  CHECK(statistics.batches == 3);
  CHECK(statistics.pictures == 5);
  CHECK(statistics.batchSizes == std::map<int64_t, int64_t>{{1, 1}, {2, 2}});
}

TEST_CASE("requests are added and given up while others are taken: each ends once") {
  constexpr int64_t kRequests = 2000;
  EmbedQueue queue;
  std::vector<std::atomic<int>> ends(kRequests);
  std::atomic<int64_t> ended{0};
  std::thread caller([&] {
    for (int64_t id = 0; id < kRequests; ++id) {
      queue.add({.id = id, .count = 1 + id % 5, .pixels = nullptr}, [&ends, &ended, id](auto) {
        ++ends[id];
        ++ended;
      });
      if (id % 3 == 0) queue.cancel(id, kGivenUp);
    }
  });
  while (ended < kRequests) {
    for (const auto& part : queue.take(4)) {
      if (part.end == part.entry->request.count) queue.end(part.entry, {});
    }
  }
  caller.join();
  for (const auto& count : ends) CHECK(count == 1);
  CHECK(queue.statistics().waiting == 0);
}
