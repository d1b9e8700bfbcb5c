#include "core/device/caching_allocator.h"

#include <doctest/doctest.h>
#ifdef __linux__
#include <unistd.h>
#endif

#include <cstdint>
#include <fstream>
#include <vector>

using namespace moco;

namespace {

at::Tensor megabytes(int64_t count) { return at::empty({count << 20}, at::kByte); }

#ifdef __linux__
/// The physical memory that the process takes, in bytes.
int64_t residentMemory() {
  int64_t mapped = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> mapped >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}
#endif

}  // namespace

TEST_CASE("a large freed block serves the next tensor of its size") {
  installCachingAllocator();
  releaseCachedMemory();
  void* first = nullptr;
  {
    const auto tensor = megabytes(10);
    first = tensor.mutable_data_ptr();
    CHECK(reinterpret_cast<uintptr_t>(first) % (2 << 20) == 0);
    CHECK(cachedMemory().inUse >= size_t{10} << 20);
  }
  CHECK(cachedMemory().cached == size_t{10} << 20);
  const auto again = megabytes(9);  // rounds up to the same block
  CHECK(again.mutable_data_ptr() == first);
  CHECK(cachedMemory().cached == 0);
}

TEST_CASE("the peak is the most that was in use at once, and stays") {
  installCachingAllocator();
  const auto kept = megabytes(16);
  const size_t before = cachedMemory().peak;
  CHECK(before >= cachedMemory().inUse);
  const size_t more = before - cachedMemory().inUse + (size_t{8} << 20);
  {
    const auto tensor = at::empty({static_cast<int64_t>(more)}, at::kByte);
    CHECK(cachedMemory().peak == cachedMemory().inUse);
    CHECK(cachedMemory().peak >= before + (size_t{8} << 20));
  }
  const size_t peak = cachedMemory().peak;
  releaseCachedMemory();
  CHECK(cachedMemory().peak == peak);
}

TEST_CASE("what was held at most counts idle blocks, too, and stays") {
  installCachingAllocator();
  releaseCachedMemory();
  const size_t more = cachedMemory().held - cachedMemory().inUse + (size_t{8} << 20);
  megabytes(static_cast<int64_t>(more >> 20) + 1);  // is idle from here on
  const size_t before = cachedMemory().held;
  const auto another = megabytes(4);  // too small for that block
  CHECK(cachedMemory().held >= before + (size_t{4} << 20));
  CHECK(cachedMemory().held == cachedMemory().inUse + cachedMemory().cached);
  const size_t held = cachedMemory().held;
  releaseCachedMemory();
  CHECK(cachedMemory().held == held);
}

TEST_CASE("a much larger block is not wasted on a small tensor") {
  installCachingAllocator();
  releaseCachedMemory();
  {
    const auto tensor = megabytes(64);
  }
  const auto small = megabytes(2);
  CHECK(cachedMemory().cached == size_t{64} << 20);
}

TEST_CASE("released memory goes back, and tensors in use stay whole") {
  installCachingAllocator();
  const auto kept = megabytes(4).fill_(7);
  {
    const auto freed = megabytes(32);
  }
  CHECK(cachedMemory().cached > 0);
  releaseCachedMemory();
  CHECK(cachedMemory().cached == 0);
  CHECK(kept.eq(7).all().item<bool>());
}

#ifdef __linux__
TEST_CASE("released memory leaves the process, whatever the size of its blocks") {
  installCachingAllocator();
  releaseCachedMemory();
  // Once a block of this size was freed, glibc takes smaller blocks from its heap, and it never
  // shrinks the heap below a block that is in use: `last`, further down.
  megabytes(20).fill_(1);
  releaseCachedMemory();
  constexpr int64_t kBlocks = 40, kMegabytes = 4;
  const int64_t before = residentMemory();
  at::Tensor last;
  {
    std::vector<at::Tensor> tensors;
    for (int64_t i = 0; i < kBlocks; ++i) tensors.push_back(megabytes(kMegabytes).fill_(1));
    last = megabytes(kMegabytes).fill_(1);
    CHECK(residentMemory() - before > kBlocks * kMegabytes * 1'000'000);
  }
  releaseCachedMemory();
  CHECK(residentMemory() - before < kBlocks * kMegabytes * 200'000);
}
#endif

TEST_CASE("idle blocks are released before they and those in use exceed the machine's memory") {
  installCachingAllocator();
  releaseCachedMemory();
  const auto share = [](double part) {
    return at::empty({static_cast<int64_t>(part * static_cast<double>(physicalMemory()))},
                     at::kByte);
  };
  {
    const auto idle = share(0.45);  // only mapped: no test may touch this much memory
  }
  CHECK(cachedMemory().cached > 0);
  const auto more = share(0.6);
  CHECK(cachedMemory().cached == 0);
}
