#include <cuda_bf16.h>
#include <cuda_runtime.h>
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/device/launch.h"
#include "core/device/memory_access.cuh"
#include "memory_traffic.h"

using namespace moco;

namespace {

constexpr int kThreads = 64;
constexpr dim3 kBlocks{3, 2, 2};

__global__ void countPlaces(int* visits) {
  const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  const unsigned thread = threadIdx.y * blockDim.x + threadIdx.x;
  ++visits[block * blockDim.x * blockDim.y + thread];
}

/// Every thread writes its number and reads its neighbour's.
__global__ void readNeighbour(int* out, bool hasBarrier) {
  __shared__ int numbers[kThreads];
  numbers[threadIdx.x] = -1;
  __syncthreads();
  numbers[threadIdx.x] = static_cast<int>(threadIdx.x);
  if (hasBarrier) __syncthreads();
  out[threadIdx.x] = numbers[(threadIdx.x + 1) % kThreads];
}

__global__ void shuffle(int* out) {
  const int own = static_cast<int>(threadIdx.x);
  const int right = __shfl_down_sync(~0U, own, 1);
  const int swapped = __shfl_xor_sync(~0U, own, 3);
  const int first = __shfl_sync(~0U, own, 0);
  out[own * 3] = right;
  out[own * 3 + 1] = swapped;
  out[own * 3 + 2] = first;
}

__global__ void waitWithoutTheLast() {
  if (threadIdx.x + 1 < blockDim.x) __syncthreads();
}

__global__ void waitInTwoPlaces() {
  if (threadIdx.x < 10) {
    __syncthreads();
  } else {
    __syncthreads();
  }
}

/// Every thread copies a number from every `stride`-th place.
__global__ void copyEvery(const float* from, float* to, int stride) {
  const unsigned place = threadIdx.x * stride;
  if (threadIdx.x % 2 == 0) cuda::writeGlobal(to + place, 0.0F);
  cuda::writeGlobal(to + place, cuda::readGlobal(from + place));
}

/// Every thread writes and reads a word of shared memory, in every `stride`-th place.
__global__ void shareEvery(int stride) {
  __shared__ float shared[kThreads * 17];
  float* const own = shared + threadIdx.x * stride;
  cuda::writeShared(own, 1.0F);
  __syncthreads();
  cuda::readShared(own);
}

__global__ void readNeighbourTooEarly() {
  __shared__ int numbers[kThreads];
  cuda::writeShared(numbers + threadIdx.x, 1);
  __syncthreads();
  cuda::readShared(numbers + (threadIdx.x + 1) % kThreads);
  cuda::writeShared(numbers + threadIdx.x, 2);
}

__global__ void readUnwritten() {
  __shared__ int numbers[kThreads];
  cuda::readShared(numbers + threadIdx.x);
}

__global__ void countTo(unsigned last, unsigned* counter, unsigned* seen) {
  seen[threadIdx.x] = atomicInc(counter, last);
}

int64_t conflictsAt(int stride) {
  return cuda_on_cpu::count(
             {}, [&] { cuda::launch("shareEvery", shareEvery, 1, kThreads, nullptr, stride); })
      .bankConflicts;
}

std::string messageOf(void (*kernel)()) {
  try {
    cuda::launch("kernel", kernel, 1, kThreads, nullptr);
  } catch (const std::logic_error& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("every thread of every block runs once") {
  const dim3 threads{8, 4};
  std::vector<int> visits(12 * 32, 0);
  cuda::launch("countPlaces", countPlaces, kBlocks, threads, nullptr, visits.data());
  CHECK(visits == std::vector<int>(visits.size(), 1));
}

TEST_CASE("after a barrier all threads see what all have written before it") {
  std::vector<int> out(kThreads);
  for (uint32_t seed = 0; seed < 5; ++seed) {
    cuda_on_cpu::seed = seed;
    cuda::launch("readNeighbour", readNeighbour, 2, kThreads, nullptr, out.data(), true);
    for (int i = 0; i < kThreads; ++i) CHECK(out[i] == (i + 1) % kThreads);
  }
}

TEST_CASE("a missing barrier shows") {
  std::vector<int> out(kThreads);
  cuda::launch("readNeighbour", readNeighbour, 1, kThreads, nullptr, out.data(), false);
  CHECK(std::set<int>(out.begin(), out.end()).count(-1) == 1);
}

TEST_CASE("threads of a warp exchange values") {
  std::vector<int> out(kThreads * 3);
  cuda::launch("shuffle", shuffle, 1, kThreads, nullptr, out.data());
  for (int i = 0; i < kThreads; ++i) {
    const bool isLast = i % warpSize == warpSize - 1;
    CHECK(out[i * 3] == (isLast ? i : i + 1));
    CHECK(out[i * 3 + 1] == (i ^ 3));
    CHECK(out[i * 3 + 2] == i / warpSize * warpSize);
  }
}

TEST_CASE("a barrier that not all threads reach is an error") {
  const std::string ended = messageOf(waitWithoutTheLast);
  CHECK(contains(ended, "1 ended"));
  CHECK(contains(ended, "63 in __syncthreads at "));
  const std::string elsewhere = messageOf(waitInTwoPlaces);
  CHECK(contains(elsewhere, "10 in __syncthreads at "));
  CHECK(contains(elsewhere, "54 in __syncthreads at "));
}

TEST_CASE("bytes and sectors of a warp's accesses are counted") {
  alignas(32) std::array<float, kThreads * 3> from{}, to{};
  constexpr size_t kBytes = kThreads * 2 * sizeof(float);  // one third is left out
  const std::vector<cuda_on_cpu::Region> regions{{"from", from.data(), kBytes},
                                                 {"to", to.data(), kBytes}};
  const auto countWith = [&](int stride) {
    return cuda_on_cpu::count(regions, [&] {
      cuda::launch("copyEvery", copyEvery, 1, kThreads, nullptr, from.data(), to.data(), stride);
    });
  };
  const auto dense = countWith(1);
  CHECK(dense.regions[0].bytesRead == kThreads * 4);
  CHECK(dense.regions[0].bytesWritten == 0);
  CHECK(dense.regions[0].sectorsRead == kThreads * 4 / 32);
  // Half of the threads write once more, to every other word of as many sectors.
  CHECK(dense.regions[1].bytesWritten == kThreads * 4 * 3 / 2);
  CHECK(dense.regions[1].sectorsWritten == kThreads * 4 / 32 * 2);
  const auto spread = countWith(2);
  CHECK(spread.regions[0].bytesRead == kThreads * 4);
  CHECK(spread.regions[0].sectorsRead == 2 * kThreads * 4 / 32);
  CHECK_THROWS_WITH_AS(countWith(3), doctest::Contains("outside of all regions"), std::logic_error);
}

TEST_CASE("bank conflicts are counted") {
  // In each of two warps, one access writes and one reads.
  CHECK(conflictsAt(1) == 0);
  CHECK(conflictsAt(17) == 0);
  CHECK(conflictsAt(2) == 4 * 1);
  CHECK(conflictsAt(16) == 4 * 15);
}

TEST_CASE("sharing memory without a barrier, or before it is written, is an error") {
  for (uint32_t seed = 0; seed < 5; ++seed) {
    cuda_on_cpu::seed = seed;
    CHECK(contains(messageOf(readNeighbourTooEarly), "without a barrier"));
  }
  CHECK(contains(messageOf(readUnwritten), "nobody has written"));
}

TEST_CASE("an atomic counter begins again after its last value") {
  unsigned counter = 0;
  std::vector<unsigned> seen(kThreads);
  cuda::launch("countTo", countTo, 1, kThreads, nullptr, kThreads - 1, &counter, seen.data());
  CHECK(counter == 0);
  CHECK(std::set<unsigned>(seen.begin(), seen.end()).size() == kThreads);
}

TEST_CASE("bf16 is rounded to the nearest, and NaN stays NaN") {
  const auto rounded = [](float x) { return __bfloat162float(__float2bfloat16_rn(x)); };
  CHECK(rounded(1.0F) == 1.0F);
  CHECK(rounded(1.0F + 0x1p-8F) == 1.0F);                // a tie, to even
  CHECK(rounded(1.0F + 3 * 0x1p-8F) == 1.0F + 0x1p-6F);  // a tie, to even
  CHECK(rounded(1.0F + 0x1.02p-8F) == 1.0F + 0x1p-7F);
  CHECK(rounded(-3e38F) == doctest::Approx(-3e38F).epsilon(0.01));
  CHECK(std::isnan(rounded(std::numeric_limits<float>::quiet_NaN())));
  CHECK(std::isinf(rounded(std::numeric_limits<float>::infinity())));
}
