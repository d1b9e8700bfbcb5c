#include "core/base/thread_team.h"

#include <doctest/doctest.h>

#include "core/base/error.h"
#include "support/compute_threads.h"

#ifdef __linux__
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#endif

using namespace moco;

TEST_CASE("a team of as many threads as PyTorch is to use can be started, more than once") {
  for (const int threads : {1, 3, 3}) {
    const ComputeThreads guard(threads);
    CHECK_NOTHROW(startThreadTeam());
  }
}

#ifdef __linux__
namespace {

/// Leaves room for some further memory, and none for many threads' stacks, as long as it lives.
class NoRoomForStacks {
 public:
  NoRoomForStacks() {
    getrlimit(RLIMIT_AS, &before_);
    rlim_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const rlim_t most = pages * sysconf(_SC_PAGESIZE) + (rlim_t{64} << 20);
    const rlimit little{.rlim_cur = most, .rlim_max = before_.rlim_max};
    setrlimit(RLIMIT_AS, &little);
  }
  ~NoRoomForStacks() { setrlimit(RLIMIT_AS, &before_); }

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("threads that the system refuses are an error, and no end of the process") {
  const ComputeThreads guard(100);  // more than the stacks that glibc keeps for later
  const NoRoomForStacks limit;
  CHECK_THROWS_AS(startThreadTeam(), Error);
}
#endif
