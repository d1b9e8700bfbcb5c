#include "core/base/threads.h"

#include <ATen/Parallel.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/compute_threads.h"

using namespace moco;

namespace {

const Cores kEightCores{8, "one for each core"};

/// What is chosen with this value of OMP_NUM_THREADS.
Threads chosenWith(const char* ompNumThreads) {
  return chooseComputeThreads({}, kEightCores, [&](const char* name) {
    return std::string(name) == "OMP_NUM_THREADS" ? ompNumThreads : nullptr;
  });
}

const char* nothing(const char*) { return nullptr; }

}  // namespace

TEST_CASE("on the CPU one thread makes views, so that the step keeps the cores") {
  CHECK(chooseDataThreads({}, at::kCPU, kEightCores) == 1);
}

TEST_CASE("for a GPU a few threads make views, and one core is left to start its kernels") {
  const auto threadsOn = [](int64_t cores) {
    return chooseDataThreads({}, at::Device(at::kCUDA, 0), {cores, ""});
  };
  CHECK(threadsOn(1) == 1);
  CHECK(threadsOn(2) == 1);
  CHECK(threadsOn(4) == 3);
  CHECK(threadsOn(64) == 4);
}

TEST_CASE("a number of threads that the user asks for is used") {
  CHECK(chooseDataThreads(7, at::kCPU, kEightCores) == 7);
  CHECK(chooseDataThreads(7, at::Device(at::kCUDA, 0), kEightCores) == 7);
  const auto environment = [](const char*) { return "3"; };
  const Threads threads = chooseComputeThreads(7, kEightCores, environment);
  CHECK(threads.count == 7);
  CHECK(threads.reason == "as the setting threads says");
}

TEST_CASE("a thread computes on each core where nobody says otherwise") {
  const Threads threads = chooseComputeThreads({}, kEightCores, nothing);
  CHECK(threads.count == 8);
  CHECK(threads.reason == "one for each core");
}

TEST_CASE("OMP_NUM_THREADS decides, and of a list the first number") {
  CHECK(chosenWith("3").count == 3);
  CHECK(chosenWith("3").reason == "as OMP_NUM_THREADS says");
  CHECK(chosenWith("12").count == 12);
  CHECK(chosenWith(" 5 ").count == 5);
  CHECK(chosenWith("4,2").count == 4);
  CHECK(chosenWith("4 , 2").count == 4);
}

TEST_CASE("an OMP_NUM_THREADS that is no number of threads decides nothing, and is named") {
  for (const char* value :
       {"", " ", "0", "-1", "abc", "2x", "1.5", ",4", "1025", "99999999999999999999"}) {
    INFO("OMP_NUM_THREADS=", value);
    const Threads threads = chosenWith(value);
    CHECK(threads.count == 8);
    CHECK(threads.reason == std::string("one for each core; OMP_NUM_THREADS is \"") + value +
                                "\", which is no number from 1 to 1024");
  }
}

TEST_CASE("MKL_NUM_THREADS decides where OMP_NUM_THREADS does not") {
  const auto threadsWith = [](const char* openMp) {
    return chooseComputeThreads({}, kEightCores, [&](const char* name) {
      return std::string(name) == "MKL_NUM_THREADS" ? "2" : openMp;
    });
  };
  CHECK(threadsWith(nullptr).count == 2);
  CHECK(threadsWith(nullptr).reason == "as MKL_NUM_THREADS says");
  CHECK(threadsWith("6").count == 6);
}

TEST_CASE("parallelFor covers every number once, on as many threads as PyTorch has") {
  for (const int threads : {1, 2, 3}) {
    const ComputeThreads guard(threads);
    for (const int64_t count : {0, 1, 2, 7, 1000}) {
      INFO(count, " numbers, ", threads, " threads");
      std::mutex mutex;
      std::set<std::thread::id> workers;
      std::vector<int> visits(count);
      parallelFor(count, [&](int64_t begin, int64_t end) {
        const std::lock_guard<std::mutex> guard(mutex);
        workers.insert(std::this_thread::get_id());
        for (int64_t i = begin; i < end; ++i) ++visits[i];
      });
      CHECK(visits == std::vector<int>(count, 1));
      CHECK(std::ssize(workers) == std::min<int64_t>(count, threads));
    }
  }
}

TEST_CASE("what a part of parallelFor throws reaches the caller") {
  for (const int threads : {1, 3}) {
    const ComputeThreads guard(threads);
    const auto failAtTheEnd = [](int64_t, int64_t end) {
      if (end == 3) throw std::runtime_error("the last part");
    };
    CHECK_THROWS_WITH_AS(parallelFor(3, failAtTheEnd), "the last part", std::runtime_error);
  }
}

TEST_CASE("a parallelFor inside a part of another one runs as a single part") {
  const ComputeThreads three(3);
  using Part = std::pair<int64_t, int64_t>;
  std::mutex mutex;
  std::vector<Part> parts;
  parallelFor(3, [&](int64_t, int64_t) {
    parallelFor(1000, [&](int64_t begin, int64_t end) {
      const std::lock_guard<std::mutex> guard(mutex);
      parts.emplace_back(begin, end);
    });
  });
  CHECK((parts == std::vector<Part>(3, {0, 1000})));
}
