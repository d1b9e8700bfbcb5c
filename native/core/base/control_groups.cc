#include "core/base/control_groups.h"

#include <fstream>
#include <string>
#include <vector>

namespace moco {
namespace {

namespace fs = std::filesystem;

/// A group's own folder and those of all groups around it, below the folder of its hierarchy. In a
/// container the outer ones, or all but the hierarchy's own, may not be there.
void appendFolders(std::vector<fs::path>& folders, const fs::path& hierarchy, fs::path group) {
  for (;; group = group.parent_path()) {
    folders.push_back(hierarchy / group);
    if (group.empty()) return;
  }
}

/// The folders in which limits of this process may stand.
/// @param controller  `cpu` or `memory`
std::vector<fs::path> limitFolders(const ControlGroups& groups, const std::string& controller) {
  std::vector<fs::path> folders;
  std::ifstream file(groups.own);
  // A line is `4:cpu,cpuacct:/batch/job` in version 1, and `0::/batch/job` in version 2.
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const fs::path group = fs::path(line.substr(second + 1)).relative_path();
    if (controllers.empty()) {
      appendFolders(folders, groups.folders, group);
      appendFolders(folders, groups.folders / "unified", group);  // beside version 1
    } else if (("," + controllers + ",").find("," + controller + ",") != std::string::npos) {
      appendFolders(folders, groups.folders / controllers, group);
      appendFolders(folders, groups.folders / controller, group);
    }
  }
  return folders;
}

template <class Amount>
using Limit = std::optional<GroupLimit<Amount>>;

/// @param read  what one folder states
template <class Amount>
Limit<Amount> leastLimit(const std::vector<fs::path>& folders,
                         Limit<Amount> (*read)(const fs::path& folder)) {
  Limit<Amount> least;
  for (const auto& folder : folders) {
    const auto limit = read(folder);
    if (limit && (!least || limit->amount < least->amount)) least = limit;
  }
  return least;
}

Limit<double> cpuQuotaOf(const fs::path& folder) {
  int64_t quota = 0, period = 0;  // microseconds of a core's time in every so many
  auto file = folder / "cpu.max";
  if (!(std::ifstream(file) >> quota >> period)) {  // `max 100000`, where there is no limit
    file = folder / "cpu.cfs_quota_us";             // -1, where there is none
    if (!(std::ifstream(file) >> quota)) return {};
    if (!(std::ifstream(folder / "cpu.cfs_period_us") >> period)) return {};
  }
  if (quota <= 0 || period <= 0) return {};
  return {{static_cast<double>(quota) / static_cast<double>(period), file}};
}

Limit<uint64_t> memoryLimitOf(const fs::path& folder) {
  for (const char* name : {"memory.max", "memory.limit_in_bytes"}) {
    uint64_t bytes = 0;
    if (std::ifstream(folder / name) >> bytes) return {{bytes, folder / name}};
  }
  return {};
}

}  // namespace

std::optional<GroupLimit<double>> cpuQuota(const ControlGroups& groups) {
  return leastLimit(limitFolders(groups, "cpu"), cpuQuotaOf);
}

std::optional<GroupLimit<uint64_t>> memoryLimit(const ControlGroups& groups) {
  return leastLimit(limitFolders(groups, "memory"), memoryLimitOf);
}

}  // namespace moco
