#include "core/base/thread_team.h"

#include <doctest/doctest.h>

#include "core/base/error.h"
#include "support/compute_threads.h"

#ifdef __linux__
#include <sys/resource.h>
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

/// Takes the room for further threads' stacks away, as long as it lives.
class NoRoomForStacks {
 public:
  NoRoomForStacks() {
    getrlimit(RLIMIT_AS, &before_);
    const rlimit none{.rlim_cur = 1, .rlim_max = before_.rlim_max};
    setrlimit(RLIMIT_AS, &none);
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
