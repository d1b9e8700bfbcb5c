#include "core/base/cores.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <sstream>

#ifdef __linux__
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <system_error>
#include <thread>
#endif

namespace moco {
namespace {

#ifdef __linux__

/// Adds the numbers of the hardware threads that a thread may run on; none where it has ended.
/// @param thread  its id; 0 is the calling one
void addAllowed(pid_t thread, std::set<int>& processors) {
  constexpr int kMost = 1 << 20;
  for (int size = 1024; size <= kMost; size *= 2) {
    cpu_set_t* const set = CPU_ALLOC(size);
    const size_t bytes = CPU_ALLOC_SIZE(size);
    const bool isKnown = sched_getaffinity(thread, bytes, set) == 0;
    const bool isTooSmall = !isKnown && errno == EINVAL;
    for (int number = 0; isKnown && number < size; ++number) {
      if (CPU_ISSET_S(number, bytes, set)) processors.insert(number);
    }
    CPU_FREE(set);
    if (!isTooSmall) return;
  }
}

/// The numbers of the hardware threads that the process may run on. All its threads are asked,
/// because OpenMP binds some to one each where OMP_PROC_BIND says so, and threads inherit that.
std::set<int> allowedProcessors() {
  std::set<int> processors;
  addAllowed(0, processors);
  std::error_code unreadable;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task", unreadable)) {
    addAllowed(std::stoi(thread.path().filename().string()), processors);
  }
  return processors;
}

/// What tells a processor's core from others: the list of the hardware threads that it has.
std::string coreOf(int processor, const std::filesystem::path& processors) {
  const std::string name = "cpu" + std::to_string(processor);
  std::ifstream file(processors / name / "topology/thread_siblings_list");
  std::string siblings;
  return std::getline(file, siblings) ? siblings : name;  // unknown: a core of its own
}

Cores allowedCores(const CoreFiles& files) {
  const std::set<int> allowed = allowedProcessors();
  if (allowed.empty()) {
    return {std::max<int64_t>(std::thread::hardware_concurrency(), 1), "one for each core"};
  }
  std::set<std::string> cores;
  for (const int processor : allowed) cores.insert(coreOf(processor, files.processors));
  const bool isLimited = std::ssize(allowed) < sysconf(_SC_NPROCESSORS_ONLN);
  const bool hasSiblings = cores.size() < allowed.size();
  return {std::ssize(cores),
          std::string("one for each core") +
              (isLimited ? " that the process's affinity allows" : "") +
              (hasSiblings ? ", whose hardware threads share what computes" : "")};
}

#else

Cores allowedCores(const CoreFiles&) {
  return {at::intraop_default_num_threads(), "as PyTorch chooses"};
}

#endif

std::string inWords(const GroupLimit<double>& quota) {
  std::ostringstream words;
  words << "a quota of " << quota.amount << (quota.amount == 1 ? " core" : " cores") << ", in "
        << quota.file.string();
  return words.str();
}

}  // namespace

Cores availableCores(const CoreFiles& files) {
  Cores allowed = allowedCores(files);
  const auto quota = cpuQuota(files.groups);
  if (!quota) return allowed;
  const auto whole = std::max<int64_t>(static_cast<int64_t>(std::floor(quota->amount)), 1);
  return whole < allowed.count ? Cores{whole, inWords(*quota)} : allowed;
}

}  // namespace moco
