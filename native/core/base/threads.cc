#include "core/base/threads.h"

#include <ATen/Parallel.h>
#include <ATen/TensorIterator.h>

#include <algorithm>
#include <thread>

namespace moco {

int64_t chooseDataThreads(const std::optional<int64_t>& asked, const at::Device& device) {
  if (asked) return *asked;
  // One thread makes 100,000 views of 32 × 32 pixels per second. A training step on the CPU, where
  // PyTorch keeps a thread on every core, uses up views hundreds of times more slowly: one thread
  // is enough, and takes less than 1 % of a core. A GPU uses views up faster. It needs one core,
  // for the thread that starts its kernels, and leaves the others free for making views.
  constexpr int64_t kMost = 4;
  const int64_t cores = std::thread::hardware_concurrency();
  return device.is_cuda() ? std::clamp<int64_t>(cores - 1, 1, kMost) : 1;
}

int64_t setComputeThreads(const std::optional<int64_t>& asked) {
  if (asked) at::set_num_threads(static_cast<int>(*asked));
  return at::get_num_threads();
}

void parallelFor(int64_t count, const std::function<void(int64_t, int64_t)>& body) {
  // TensorIterator shares out the elements of a tensor among PyTorch's threads. Their values are
  // never touched: the address of an element tells which number of 0 … count − 1 it stands for.
  auto places = at::empty({count}, at::kByte);
  const char* const first = static_cast<const char*>(places.const_data_ptr());
  auto iterator = at::TensorIterator::nullary_op(places);
  iterator.for_each(
      // A loop over two dimensions, the outer of which has one element here. TensorIterator would
      // wrap a loop over one dimension into code that g++ 12 warns of.
      [&](char** data, const int64_t*, int64_t length, int64_t /*outer*/) {
        const int64_t begin = data[0] - first;
        body(begin, begin + length);
      },
      /*grain_size=*/1);
}

}  // namespace moco
