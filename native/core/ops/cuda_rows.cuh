#pragma once

#include <cuda_bf16.h>

#include <cstdint>

#include "core/device/launch.h"

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

/// Neighbouring channels, which are read and written by one access.
template <class T, int kWidth>
struct alignas(sizeof(T) * kWidth) Pack {
  T values[kWidth];
};

__device__ inline float toFloat(float value) { return value; }
__device__ inline float toFloat(__nv_bfloat16 value) { return __bfloat162float(value); }
__device__ inline void assign(float& to, float value) { to = value; }
__device__ inline void assign(__nv_bfloat16& to, float value) { to = __float2bfloat16_rn(value); }

struct RowGrid {
  int64_t rows;  // of one group
  int64_t channels;
  int64_t parts;                        // blocks that share a group's rows
  int64_t tiles;                        // blocks that share the channels
  unsigned channelThreads, rowThreads;  // powers of two

  dim3 blocks(int64_t groups) const {
    return {static_cast<unsigned>(parts * groups), static_cast<unsigned>(tiles)};
  }
  dim3 threads() const { return {channelThreads, rowThreads}; }

  /// How many rows of its group a part has.
  __host__ __device__ int64_t rowsOf(int64_t part) const {
    const int64_t round = parts * rowThreads;
    const int64_t rest = rows % round - part * rowThreads;
    const int64_t inLastRound = rest < 0 ? 0 : rest < rowThreads ? rest : rowThreads;
    return rows / round * rowThreads + inLastRound;
  }
};

/// @param rows   of one group
/// @param width  channels of a thread; divides `channels`
inline RowGrid rowGrid(int64_t rows, int64_t channels, int64_t groups, int width) {
  const auto atMost = [](int64_t value, int64_t limit) { return value < limit ? value : limit; };
  const int64_t packs = channels / width;
  unsigned channelThreads = 1;
  while (channelThreads < packs && channelThreads < kWarp) channelThreads *= 2;
  const unsigned rowThreads = kThreads / channelThreads;
  const int64_t tiles = pieces(packs, channelThreads);
  const int64_t perGroup = kBlocks / (tiles * groups);
  const int64_t parts = perGroup < 1 ? 1 : atMost(perGroup, pieces(rows, rowThreads * kLeastRows));
  return {rows, channels, parts, tiles, channelThreads, rowThreads};
}

/// Which of the activations a thread handles.
template <int kWidth>
struct Place {
  int64_t group, part;
  int64_t channel;           // the first one
  bool isInside;             // otherwise the thread has no channels
  int64_t begin, end, step;  // offsets of its elements: begin, begin + step, … before end

  __device__ explicit Place(const RowGrid& grid)
      : group(blockIdx.x / grid.parts),
        part(blockIdx.x % grid.parts),
        channel((int64_t{blockIdx.y} * blockDim.x + threadIdx.x) * kWidth),
        isInside(channel < grid.channels) {
    const int64_t firstRow = group * grid.rows;
    begin = (firstRow + part * blockDim.y + threadIdx.y) * grid.channels + channel;
    end = isInside ? (firstRow + grid.rows) * grid.channels : begin;
    step = grid.parts * blockDim.y * grid.channels;
  }
};

/// Calls use(offset, load(offset)) for each of a thread's rows, in order. It loads kAtOnce rows
/// before it uses the first of them, since memory answers late.
template <int kAtOnce, int kWidth, class Load, class Use>
__device__ void eachRow(const Place<kWidth>& place, Load load, Use use) {
  for (int64_t offset = place.begin; offset < place.end; offset += kAtOnce * place.step) {
    decltype(load(offset)) loaded[kAtOnce];
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      if (offset + i * place.step < place.end) loaded[i] = load(offset + i * place.step);
    }
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      if (offset + i * place.step < place.end) use(offset + i * place.step, loaded[i]);
    }
  }
}

template <int kWidth, class T>
__device__ Pack<T, kWidth> load(const T* from, int64_t offset) {
  return *reinterpret_cast<const Pack<T, kWidth>*>(from + offset);
}

template <int kWidth, class T>
__device__ void store(T* to, int64_t offset, const Pack<T, kWidth>& pack) {
  *reinterpret_cast<Pack<T, kWidth>*>(to + offset) = pack;
}

/// Merges the items of all threads of a block that have the same threadIdx.x, pairwise in a fixed
/// order. Afterwards the thread with threadIdx.y = 0 holds the result. All threads of the block
/// must call it, and blockDim.y must be a power of two.
/// @tparam kBlockThreads  number of threads in the block
template <int kBlockThreads, class Item>
__device__ void mergeRows(Item& own) {
  __shared__ Item shared[kBlockThreads / 2];
  for (unsigned half = blockDim.y / 2; half > 0; half /= 2) {
    if (threadIdx.y >= half && threadIdx.y < 2 * half) {
      shared[(threadIdx.y - half) * blockDim.x + threadIdx.x] = own;
    }
    __syncthreads();
    if (threadIdx.y < half) own.merge(shared[threadIdx.y * blockDim.x + threadIdx.x]);
    __syncthreads();
  }
}

}  // namespace moco::cuda
