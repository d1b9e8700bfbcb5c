#include "core/threads.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <thread>

namespace moco {

int64_t chooseDataThreads(int64_t asked, const at::Device& device) {
  if (asked > 0) return asked;
  // On the CPU one thread makes views a hundred times faster than the step uses them up, and the
  // step needs the cores. A GPU is fed by as many as there are.
  constexpr int64_t kMost = 8;
  const int64_t cores = std::thread::hardware_concurrency();
  return device.is_cuda() ? std::clamp<int64_t>(cores - 1, 1, kMost) : 1;
}

int64_t setComputeThreads(int64_t asked) {
  if (asked > 0) at::set_num_threads(static_cast<int>(asked));
  return at::get_num_threads();
}

}  // namespace moco
