#include "core/threads.h"

#include <ATen/Parallel.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

using namespace moco;

TEST_CASE("on the CPU one thread makes views, so that the step has the cores") {
  CHECK(chooseDataThreads(0, at::kCPU) == 1);
}

TEST_CASE("a GPU is fed by a few threads, and one core is left for its kernels") {
  const int64_t cores = std::thread::hardware_concurrency();
  const int64_t threads = chooseDataThreads(0, at::Device(at::kCUDA, 0));
  CHECK(threads >= 1);
  CHECK(threads <= 4);
  CHECK(threads <= std::max<int64_t>(cores - 1, 1));
}

TEST_CASE("numbers of threads that are asked for are taken") {
  CHECK(chooseDataThreads(7, at::kCPU) == 7);
  CHECK(chooseDataThreads(7, at::Device(at::kCUDA, 0)) == 7);
  const int before = at::get_num_threads();
  CHECK(setComputeThreads(0) == before);
  CHECK(setComputeThreads(before + 1) == before + 1);
  CHECK(at::get_num_threads() == before + 1);
  at::set_num_threads(before);
}

TEST_CASE("parallelFor covers every number once, on as many threads as PyTorch has") {
  const int before = at::get_num_threads();
  for (const int threads : {1, 2, 3}) {
    at::set_num_threads(threads);
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
  at::set_num_threads(before);
}
