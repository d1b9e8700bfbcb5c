#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>

#include "core/base/cores.h"

namespace moco {

/// A number of threads.
struct Threads {
  int64_t count;       // at least one
  std::string reason;  // why so many, in words for the user
};

/// The most threads that may be asked for.
inline constexpr int64_t kMostThreads = 1024;

/// The number of threads that compute on the CPU: as the user asks, else as `OMP_NUM_THREADS` or
/// `MKL_NUM_THREADS` says, else one for each core.
/// @param asked        the setting, at least 1; absent leaves the choice to this function
/// @param cores        that the process may use
/// @param environment  the value of a variable, null where it is not set
Threads chooseComputeThreads(
    const std::optional<int64_t>& asked, const Cores& cores,
    const std::function<const char*(const char*)>& environment = [](const char* name) {
      return std::getenv(name);
    });

/// The number of threads that make views ahead of the training step: enough that the step does not
/// wait for views, and few enough that the threads that compute keep their cores.
/// @param asked   the number that the user asks for, at least 1; absent leaves the choice to this
///                function
/// @param device  what the step runs on
/// @param cores   that the process may use
int64_t chooseDataThreads(const std::optional<int64_t>& asked, const at::Device& device,
                          const Cores& cores);

/// Divides 0 … count − 1 into consecutive parts and calls `body(begin, end)` for each, on PyTorch's
/// threads. Within a body, a nested call has a single part. If a body throws, the caller gets the
/// exception after all parts have ended.
///
/// `at::parallel_for` cannot be used instead: it is a header-only template that runs serially in
/// code compiled without OpenMP, as ours is, and OpenMP of our own would start a second set of
/// threads beside PyTorch's.
void parallelFor(int64_t count, const std::function<void(int64_t, int64_t)>& body);

}  // namespace moco
