#include "core/caching_allocator.h"

#include <doctest/doctest.h>

#include <cstdint>

using namespace moco;

namespace {

at::Tensor megabytes(int64_t count) { return at::empty({count << 20}, at::kByte); }

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
