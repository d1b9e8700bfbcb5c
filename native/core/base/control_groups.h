#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace moco {

/// Where Linux tells of control groups, by which containers and batch systems limit processes, in
/// either version. Elsewhere these files are missing, and nothing is limited.
struct ControlGroups {
  std::filesystem::path own = "/proc/self/cgroup";   // which groups this process is in
  std::filesystem::path folders = "/sys/fs/cgroup";  // the groups
};

/// The least that a group of this process, or one of those around it, may use of something.
template <class Amount>
struct GroupLimit {
  Amount amount;
  std::filesystem::path file;  // that states it
};

/// How many cores' time the process may use, such as 1.5; absent where nothing limits it.
std::optional<GroupLimit<double>> cpuQuota(const ControlGroups& groups = {});

/// How many bytes of memory the process may use; absent where nothing limits it.
std::optional<GroupLimit<uint64_t>> memoryLimit(const ControlGroups& groups = {});

}  // namespace moco
