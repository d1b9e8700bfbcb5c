#include "core/base/threads.h"

#include <ATen/Parallel.h>
#include <ATen/TensorIterator.h>

#include <algorithm>
#include <thread>

namespace moco {

int64_t chooseDataThreads(int64_t asked, const at::Device& device) {
  if (asked > 0) return asked;
  // A thread makes 100,000 views of 32 × 32 in a second. On the CPU one is hundreds of times faster
  // than the step uses them up: PyTorch keeps a thread on every core, and the views take less than
  // 1 % of one. A GPU is faster, and leaves all cores but one, which feeds its kernels, to them.
  constexpr int64_t kMost = 4;
  const int64_t cores = std::thread::hardware_concurrency();
  return device.is_cuda() ? std::clamp<int64_t>(cores - 1, 1, kMost) : 1;
}

int64_t setComputeThreads(int64_t asked) {
  if (asked > 0) at::set_num_threads(static_cast<int>(asked));
  return at::get_num_threads();
}

void parallelFor(int64_t count, const std::function<void(int64_t, int64_t)>& body) {
  // Only the places are of interest: which of them a thread gets.
  auto places = at::empty({count}, at::kByte);
  const char* const first = static_cast<const char*>(places.const_data_ptr());
  auto iterator = at::TensorIterator::nullary_op(places);
  iterator.for_each(
      [&](char** data, const int64_t*, int64_t length) {
        const int64_t begin = data[0] - first;
        body(begin, begin + length);
      },
      /*grain_size=*/1);
}

}  // namespace moco
