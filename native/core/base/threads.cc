#include "core/base/threads.h"

#include <ATen/Parallel.h>
#include <ATen/TensorIterator.h>
#include <c10/util/ScopeExit.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

namespace moco {
namespace {

/// A moment that ThreadSanitizer is told of, since OpenMP, which is not instrumented, orders its
/// threads unseen: what comes before `release` on one thread has happened before what comes after
/// `acquire` on another.
struct SeenMoment {
#ifdef __SANITIZE_THREAD__
  void release() { __tsan_release(this); }
  void acquire() { __tsan_acquire(this); }
#else
  void release() {}
  void acquire() {}
#endif
};

// Of all loops: a thread cannot ask a loop for its own before it has seen that loop begin.
SeenMoment loopBegins;
SeenMoment loopEnds;

constexpr const char* kBlanks = " \t";

/// The first number of a list such as `4,2`, whose others are for parallel regions within others.
/// Absent where it is no number of threads.
std::optional<int64_t> firstNumber(std::string_view list) {
  list.remove_prefix(std::min(list.find_first_not_of(kBlanks), list.size()));
  int64_t number = 0;
  const auto [end, error] = std::from_chars(list.data(), list.data() + list.size(), number);
  const std::string_view rest(end, list.data() + list.size() - end);
  const size_t next = rest.find_first_not_of(kBlanks);
  const bool isWhole = next == std::string_view::npos || rest[next] == ',';
  if (error != std::errc() || !isWhole || number < 1 || number > kMostThreads) return {};
  return number;
}

}  // namespace

Threads chooseComputeThreads(const std::optional<int64_t>& asked, const Cores& cores,
                             const std::function<const char*(const char*)>& environment) {
  if (asked) return {*asked, "as the setting threads says"};
  std::string ignored;
  for (const char* name : {"OMP_NUM_THREADS", "MKL_NUM_THREADS"}) {
    const char* const value = environment(name);
    if (value == nullptr) continue;
    if (const auto number = firstNumber(value)) {
      return {*number, std::string("as ") + name + " says" + ignored};
    }
    ignored += std::string("; ") + name + " is \"" + value + "\", which is no number from 1 to " +
               std::to_string(kMostThreads);
  }
  return {cores.count, cores.reason + ignored};
}

int64_t chooseDataThreads(const std::optional<int64_t>& asked, const at::Device& device,
                          const Cores& cores) {
  if (asked) return *asked;
  // One thread makes 100,000 views of 32 × 32 pixels per second. A training step on the CPU, with
  // a thread on every core, uses up views hundreds of times more slowly: one thread is enough, and
  // takes less than 1 % of a core. A GPU uses views up faster. It needs one core, for the thread
  // that starts its kernels, and leaves the others free for making views.
  constexpr int64_t kMost = 4;
  return device.is_cuda() ? std::clamp<int64_t>(cores.count - 1, 1, kMost) : 1;
}

void parallelFor(int64_t count, const std::function<void(int64_t, int64_t)>& body) {
  // TensorIterator shares out the elements of a tensor among PyTorch's threads. Their values are
  // never touched: the address of an element tells which number of 0 … count − 1 it stands for.
  auto places = at::empty({count}, at::kByte);
  const char* const first = static_cast<const char*>(places.const_data_ptr());
  auto iterator = at::TensorIterator::nullary_op(places);
  // Over two dimensions, the outer of which has one element here. TensorIterator would wrap a loop
  // over one dimension into code that g++ 12 warns of.
  const auto loop = [&](char** data, const int64_t*, int64_t length, int64_t /*outer*/) {
    loopBegins.acquire();
    const auto atEnd = c10::make_scope_exit([] { loopEnds.release(); });
    const int64_t begin = data[0] - first;
    body(begin, begin + length);
  };
  const auto afterAll = c10::make_scope_exit([] { loopEnds.acquire(); });
  loopBegins.release();
  iterator.for_each(loop, /*grain_size=*/1);
}

}  // namespace moco
