#include "core/base/thread_team.h"

#include <ATen/Parallel.h>

#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "core/base/error.h"
#include "core/base/threads.h"

namespace moco {
namespace {

/// How many threads the system gives, up to a number: they are all there at once, and then end.
int grantedThreads(int wanted) {
  std::mutex all;
  std::vector<std::thread> threads;
  {
    const std::lock_guard untilAllAreThere(all);
    try {
      while (std::ssize(threads) < wanted) {
        threads.emplace_back([&all] { const std::lock_guard wait(all); });
      }
    } catch (const std::system_error&) {
      // The number of those that are there is the answer.
    }
  }
  for (auto& thread : threads) thread.join();
  return static_cast<int>(threads.size());
}

}  // namespace

void startThreadTeam() {
  const int others = at::get_num_threads() - 1;
  if (const int granted = grantedThreads(others); granted < others) {
    throw Error("ERR_MOCO_LIMIT",
                "the system gives this process " + std::to_string(granted) + " of the " +
                    std::to_string(others) + " further threads that it is to compute with",
                "Raise the limit on processes and threads (`ulimit -u`, a container's limit on "
                "pids), or ask for fewer (--threads).");
  }
  parallelFor(others + 1, [](int64_t, int64_t) {});
}

}  // namespace moco
