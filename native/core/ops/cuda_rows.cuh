#pragma once

#include <cuda_bf16.h>

#include <cstdint>
#include <cstring>

#include "core/device/launch.h"
#include "core/device/memory_access.cuh"

namespace moco::cuda {

// How kernels divide (rows, channels) among blocks and threads: a thread has a few neighbouring
// channels, threadIdx.x goes along the channels and threadIdx.y along the rows.

constexpr int kThreads = 256;
/// How many blocks fit on a multiprocessor at once: kernels are compiled to use no more registers
/// than allow that.
constexpr int kBlocksPerMultiprocessor = 2;
/// As many blocks as run at once on the 132 multiprocessors of an H200. It is a constant so that
/// sums are the same on every GPU.
constexpr int64_t kBlocks = 132 * kBlocksPerMultiprocessor;
/// A thread with fewer rows would not be worth the work of merging its sums.
constexpr int64_t kLeastRows = 4;
constexpr int64_t kWarp = 32;
/// The most threads along the channels. With accesses of 16 bytes they cover 256 bytes of a row.
/// More would make fewer tiles of channels with more parts each, and the block that merges the
/// parts of a tile would have to read more than one multiprocessor can quickly.
constexpr int64_t kMostChannelThreads = kWarp / 2;

/// Neighbouring channels, which are read and written by one access.
template <class T, int kWidth>
struct alignas(sizeof(T) * kWidth) Pack {
  T values[kWidth];
};

__device__ inline float toFloat(float value) { return value; }
__device__ inline float toFloat(__nv_bfloat16 value) { return __bfloat162float(value); }
__device__ inline void assign(float& to, float value) { to = value; }
__device__ inline void assign(__nv_bfloat16& to, float value) { to = __float2bfloat16_rn(value); }

/// In which direction a kernel goes through the rows.
enum class Sweep { kUp, kDown };

struct RowGrid {
  int64_t rows;  // of one group
  int64_t channels;
  int64_t parts;                        // blocks that share a group's rows
  int64_t tiles;                        // blocks that share the channels
  int64_t rounds;                       // rows that every row of threads of every part has
  int64_t rest;                         // rows that are left; the first rows of threads have them
  unsigned channelThreads, rowThreads;  // powers of two

  dim3 blocks(int64_t groups) const {
    return {static_cast<unsigned>(parts * groups), static_cast<unsigned>(tiles)};
  }
  dim3 threads() const { return {channelThreads, rowThreads}; }

  /// How many rows of its group a part has.
  __host__ __device__ int64_t rowsOf(int64_t part) const {
    const int64_t left = rest - part * rowThreads;
    return rounds * rowThreads + (left < 0 ? 0 : left < rowThreads ? left : rowThreads);
  }
};

/// @param rows   of one group
/// @param width  channels of a thread; divides `channels`
inline RowGrid rowGrid(int64_t rows, int64_t channels, int64_t groups, int width) {
  const auto atMost = [](int64_t value, int64_t limit) { return value < limit ? value : limit; };
  const int64_t packs = channels / width;
  const int64_t widest = width == 1 ? kWarp : kMostChannelThreads;
  unsigned channelThreads = 1;
  while (channelThreads < packs && channelThreads < widest) channelThreads *= 2;
  const unsigned rowThreads = kThreads / channelThreads;
  const int64_t tiles = pieces(packs, channelThreads);
  const int64_t perGroup = kBlocks / (tiles * groups);
  const int64_t parts = perGroup < 1 ? 1 : atMost(perGroup, pieces(rows, rowThreads * kLeastRows));
  const int64_t round = parts * rowThreads;
  return {rows, channels, parts, tiles, rows / round, rows % round, channelThreads, rowThreads};
}

/// Rows that a thread goes through.
struct Steps {
  int64_t first;  // offset of its element in the first one
  int64_t step;   // from one row to the next
  int64_t count;
};

/// Which of the activations a thread handles.
template <int kWidth>
struct Place {
  int64_t group, part;
  int64_t channel;  // the first one
  bool isInside;    // otherwise the thread has no channels
  Steps rows;

  __device__ Place(const RowGrid& grid, Sweep sweep)
      : group(blockIdx.x / grid.parts),
        part(blockIdx.x % grid.parts),
        channel((int64_t{blockIdx.y} * blockDim.x + threadIdx.x) * kWidth),
        isInside(channel < grid.channels) {
    const int64_t row = part * blockDim.y + threadIdx.y;
    const int64_t count = isInside ? grid.rounds + (row < grid.rest ? 1 : 0) : 0;
    const int64_t lowest = (group * grid.rows + row) * grid.channels + channel;
    const int64_t step = grid.parts * blockDim.y * grid.channels;
    rows = sweep == Sweep::kUp ? Steps{lowest, step, count}
                               : Steps{lowest + (count - 1) * step, -step, count};
  }
};

/// Calls use(offset, load(offset)) for each of a thread's rows, in order. It loads kAtOnce rows
/// before it uses the first of them, since memory answers late.
template <int kAtOnce, class Load, class Use>
__device__ void eachRow(const Steps& rows, Load load, Use use) {
  int64_t offset = rows.first;
  for (int64_t left = rows.count; left > 0; left -= kAtOnce) {
    decltype(load(offset)) loaded[kAtOnce];
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      if (i < left) loaded[i] = load(offset + i * rows.step);
    }
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      if (i < left) use(offset + i * rows.step, loaded[i]);
    }
    offset += kAtOnce * rows.step;
  }
}

template <int kWidth, class T>
__device__ Pack<T, kWidth> load(const T* from, int64_t offset) {
  return readGlobal(reinterpret_cast<const Pack<T, kWidth>*>(from + offset));
}

template <int kWidth, class T>
__device__ void store(T* to, int64_t offset, const Pack<T, kWidth>& pack) {
  writeGlobal(reinterpret_cast<Pack<T, kWidth>*>(to + offset), pack);
}

/// Merges the items of all threads of a block that have the same threadIdx.x, pairwise in a fixed
/// order. Afterwards the threads with threadIdx.y = 0 hold the results. All threads of the block
/// must call it, blockDim.y must be a power of two, and an item must consist of floats.
///
/// In shared memory the first floats of all items come first, then the second ones, and so on:
/// neighbouring threads then reach different banks, however long an item is.
template <class Item>
__device__ void mergeRows(Item& own) {
  constexpr int kFloats = sizeof(Item) / sizeof(float);
  __shared__ float shared[kFloats][kThreads / 2];
  float floats[kFloats];
  for (unsigned half = blockDim.y / 2; half > 0; half /= 2) {
    if (threadIdx.y >= half && threadIdx.y < 2 * half) {
      const unsigned place = (threadIdx.y - half) * blockDim.x + threadIdx.x;
      memcpy(floats, &own, sizeof(Item));
#pragma unroll
      for (int i = 0; i < kFloats; ++i) writeShared(&shared[i][place], floats[i]);
    }
    __syncthreads();
    if (threadIdx.y < half) {
      const unsigned place = threadIdx.y * blockDim.x + threadIdx.x;
#pragma unroll
      for (int i = 0; i < kFloats; ++i) floats[i] = readShared(&shared[i][place]);
      Item other;
      memcpy(&other, floats, sizeof(Item));
      own.merge(other);
    }
    __syncthreads();
  }
}

/// Whether this block is the last one of its column of the grid (those with its blockIdx.y) to call
/// this, so that it sees what all of them have written before. All threads of the block must call
/// it. A block that waits for nothing and counts itself is all that this takes, so blocks need not
/// run at the same time.
/// @param counters  (gridDim.y), zero before the kernel starts; zero again after it has ended
__device__ inline bool isLastOfColumn(unsigned* counters) {
  __shared__ bool isLast;
  // What this thread has written is to be seen before the block is counted …
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0 && threadIdx.y == 0) {
    // Counts up to gridDim.x − 1, and the last block makes that zero.
    isLast = atomicInc(counters + blockIdx.y, gridDim.x - 1) == gridDim.x - 1;
  }
  __syncthreads();
  // … and what the others have written is not to be read before.
  __threadfence();
  return isLast;
}

}  // namespace moco::cuda
