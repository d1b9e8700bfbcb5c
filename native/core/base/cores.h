#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "core/base/control_groups.h"

namespace moco {

/// Where Linux describes what a process can compute on.
struct CoreFiles {
  ControlGroups groups = {};
  std::filesystem::path processors = "/sys/devices/system/cpu";  // one folder for each
};

/// The cores that a process may use.
struct Cores {
  int64_t count;       // at least one
  std::string reason;  // what decides that, in words for the user
};

/// The cores that the process may use at the moment: those that its affinity allows, or
/// fewer where a quota limits the process's time. A core counts once, however many hardware threads
/// it has, because they share what computes. Fast and slow cores count alike. Of a quota the whole
/// cores count: threads that wait for each other lose more by a thread that is held back than it
/// computes. Outside of Linux, what PyTorch takes.
Cores availableCores(const CoreFiles& files = {});

}  // namespace moco
