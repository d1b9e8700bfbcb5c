#include "core/base/cores.h"

#include <doctest/doctest.h>
#ifdef __linux__
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

#include <string>
#include <thread>

#include "support/temporary_folder.h"

using namespace moco;

#ifdef __linux__

namespace {

/// A machine as files of a test's own: without control groups, and with what they are given.
struct FakeMachine {
  TemporaryFolder folder;
  CoreFiles files{.groups = {.own = folder.path / "own", .folders = folder.path / "groups"},
                  .processors = folder.path / "processors"};

  void setSiblings(int processor, const std::string& list) const {
    writeFile(
        files.processors / ("cpu" + std::to_string(processor)) / "topology/thread_siblings_list",
        list + "\n");
  }
  void setQuota(const std::string& cpuMax) const {
    writeFile(files.groups.own, "0::/job\n");
    writeFile(files.groups.folders / "job/cpu.max", cpuMax + "\n");
  }
  std::string quotaFile() const { return (files.groups.folders / "job/cpu.max").string(); }
};

/// How many processors the tests may run on.
int64_t allowedProcessors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  REQUIRE(sched_getaffinity(0, sizeof set, &set) == 0);
  return CPU_COUNT(&set);
}

/// Lets the calling thread, and what it starts, run on the first of its processors only.
void useOneProcessor() {
  cpu_set_t allowed, one;
  CPU_ZERO(&allowed);
  CPU_ZERO(&one);
  sched_getaffinity(0, sizeof allowed, &allowed);
  for (int number = 0; number < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++number) {
    if (CPU_ISSET(number, &allowed)) CPU_SET(number, &one);
  }
  sched_setaffinity(0, sizeof one, &one);
}

/// Whether a process of its own with a single processor finds that its affinity allows one core.
bool oneProcessorIsOneCore(const CoreFiles& files) {
  const pid_t child = fork();
  if (child == 0) {
    useOneProcessor();
    const Cores cores = availableCores(files);
    const bool isRight =
        cores.count == 1 && cores.reason == "one for each core that the process's affinity allows";
    _exit(isRight ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

TEST_CASE("a process that nothing limits has all cores; of an unknown machine, all processors") {
  const FakeMachine machine;
  CHECK(availableCores(machine.files).count == allowedProcessors());
}

TEST_CASE("a process that may not run on all processors has the cores of the others only") {
  if (allowedProcessors() < 2) return;
  const FakeMachine machine;
  CHECK(oneProcessorIsOneCore(machine.files));
}

TEST_CASE("a thread that OpenMP has bound to a processor does not hide the process's others") {
  const FakeMachine machine;
  int64_t count = 0;
  std::thread([&] {
    useOneProcessor();
    count = availableCores(machine.files).count;
  }).join();
  CHECK(count == allowedProcessors());
}

TEST_CASE("hardware threads of one core count once") {
  const FakeMachine machine;
  if (allowedProcessors() < 2) return;
  for (int number = 0; number < CPU_SETSIZE; ++number) machine.setSiblings(number, "0-1023");
  const Cores cores = availableCores(machine.files);
  CHECK(cores.count == 1);
  CHECK(cores.reason.ends_with(", whose hardware threads share what computes"));
}

TEST_CASE("of a quota the whole cores count, and at least one") {
  const FakeMachine machine;
  machine.setQuota("150000 100000");
  const Cores cores = availableCores(machine.files);
  CHECK(cores.count == 1);
  if (allowedProcessors() > 1) {
    CHECK(cores.reason == "a quota of 1.5 cores, in " + machine.quotaFile());
  }
  machine.setQuota("20000 100000");
  CHECK(availableCores(machine.files).count == 1);
}

TEST_CASE("a quota of more than the cores that there are decides nothing") {
  const FakeMachine machine;
  const Cores without = availableCores(machine.files);
  machine.setQuota("900000000 100000");
  const Cores with = availableCores(machine.files);
  CHECK(with.count == without.count);
  CHECK(with.reason == without.reason);
}

#endif

TEST_CASE("on this machine there is at least one core") {
  const Cores cores = availableCores();
  CHECK(cores.count >= 1);
  CHECK(!cores.reason.empty());
}
