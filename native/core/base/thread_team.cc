#include "core/base/thread_team.h"

#include <ATen/Parallel.h>

#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/base/error.h"
#include "core/base/threads.h"

#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace moco {
namespace {

#ifdef __linux__
using ThreadId = pid_t;
ThreadId ownId() { return static_cast<ThreadId>(syscall(SYS_gettid)); }

/// Waits until the kernel has let go of threads that have ended, and counts them no longer. Joining
/// a thread waits for less.
void waitUntilGone(const std::vector<ThreadId>& ended) {
  for (const ThreadId id : ended) {
    while (syscall(SYS_tgkill, getpid(), id, 0) == 0) std::this_thread::yield();
  }
}
#else
using ThreadId = std::thread::id;
ThreadId ownId() { return std::this_thread::get_id(); }
void waitUntilGone(const std::vector<ThreadId>&) {}
#endif

/// @return  whether the system gave the thread, and memory for it
template <class Body>
bool start(std::vector<std::thread>& threads, const Body& body) {
  try {
    threads.emplace_back(body);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

/// How many threads the system gives, up to a number: they are all there at once, and then end.
int64_t grantedThreads(int64_t wanted) {
  std::mutex all;
  std::vector<ThreadId> ids;
  std::vector<std::thread> threads;
  ids.reserve(wanted);  // so that nothing is allocated while threads run
  threads.reserve(wanted);
  {
    const std::lock_guard untilAllAreThere(all);
    const auto waitForAll = [&] {
      const std::lock_guard wait(all);
      ids.push_back(ownId());
    };
    bool granted = true;
    while (granted && std::ssize(threads) < wanted) granted = start(threads, waitForAll);
  }
  for (auto& thread : threads) thread.join();
  waitUntilGone(ids);
  return std::ssize(threads);
}

}  // namespace

void requireThreads(int64_t count) {
  const int64_t granted = grantedThreads(count);
  if (granted >= count) return;
  throw Error("ERR_MOCO_LIMIT",
              "the system gives this process " + std::to_string(granted) + " of " +
                  std::to_string(count) + " further threads that it needs to compute",
              "Raise the limit on processes and threads (`ulimit -u`, a container's limit on "
              "pids), or ask for fewer (--threads).");
}

void startThreadTeam() {
  const int threads = at::get_num_threads();
  requireThreads(threads - 1);
  parallelFor(threads, [](int64_t, int64_t) {});
}

}  // namespace moco
