#include "core/base/threads.h"

#include <ATen/Parallel.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "support/compute_threads.h"

using namespace moco;

TEST_CASE("on the CPU one thread makes views, so that the step keeps the cores") {
  CHECK(chooseDataThreads({}, at::kCPU) == 1);
}

TEST_CASE("for a GPU a few threads make views, and one core is left to start its kernels") {
  const int64_t cores = std::thread::hardware_concurrency();
  const int64_t threads = chooseDataThreads({}, at::Device(at::kCUDA, 0));
  CHECK(threads >= 1);
  CHECK(threads <= 4);
  CHECK(threads <= std::max<int64_t>(cores - 1, 1));
}

TEST_CASE("a number of threads that the user asks for is used") {
  CHECK(chooseDataThreads(7, at::kCPU) == 7);
  CHECK(chooseDataThreads(7, at::Device(at::kCUDA, 0)) == 7);
  const int before = at::get_num_threads();
  CHECK(setComputeThreads({}) == before);
  CHECK(setComputeThreads(before + 1) == before + 1);
  CHECK(at::get_num_threads() == before + 1);
  at::set_num_threads(before);
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
