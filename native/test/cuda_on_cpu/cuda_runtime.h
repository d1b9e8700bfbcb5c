#pragma once

// Stands in for CUDA's header when moco_tests compiles kernels (native/core/*/*.cu) for the CPU, so
// that their logic is tested without a GPU. It has, with CUDA's names and meaning:
//
// - Grids and blocks of one to three dimensions. `cudaLaunchKernelEx` runs the blocks one after the
//   other and returns after the last. The threads of a block take turns: each runs until it waits
//   or ends. The order of blocks and threads is random (`cuda_on_cpu::seed`), so that a missing
//   barrier or a dependency between blocks shows as a wrong result.
// - `__syncthreads`, and `__shfl_sync`, `__shfl_down_sync` and `__shfl_xor_sync` of whole warps. If
//   not all threads of the block or warp get there, an error says where they are.
// - `__shared__` arrays of constant size. All blocks use the same memory.
// - Streams and errors, by name only. Memory is the CPU's.
//
// - `atomicInc` and `__threadfence`. As blocks run one after the other, a missing fence does not
// show.
//
// Accesses to memory can be counted, and those to shared memory are checked: see memory_traffic.h.
// There are no other atomics, no dynamic shared memory, and no shuffles of part of a warp. Calls of
// `__syncthreads` on different lines are different barriers.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <type_traits>
#include <utility>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __shared__ static

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

using cudaStream_t = struct CUstream_st*;
enum cudaError_t { cudaSuccess = 0 };
inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline const char* cudaGetErrorString(cudaError_t) { return "no error"; }

/// The indices of the thread that is running, and the sizes of its block and grid.
inline dim3 threadIdx, blockIdx, blockDim, gridDim;
inline constexpr int warpSize = 32;

struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  size_t dynamicSmemBytes;
  cudaStream_t stream;
};

namespace cuda_on_cpu {

/// Determines the order in which blocks and threads run.
inline uint32_t seed = 0;

/// Runs `thread` for every thread of the grid.
/// @throws std::logic_error  if threads wait for others that never come
void run(const dim3& grid, const dim3& block, const std::function<void()>& thread);

/// Waits for all threads of the block, at the barrier that stands in this file and line.
void waitForBlock(const char* file, int line);
/// Waits for all threads of the warp to give their values.
/// @return  the values of the warp's threads, valid until this thread's next exchange
const uint64_t* exchange(uint64_t value);
/// The number of this thread in its warp.
int lane();

/// The value that the thread `from` of the warp has given, or this thread's own if there is no such
/// thread.
template <class T>
T valueOf(T value, int from) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(uint64_t));
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  const uint64_t* const bitsOfAll = exchange(bits);
  if (from >= 0 && from < warpSize) std::memcpy(&value, &bitsOfAll[from], sizeof(T));
  return value;
}

}  // namespace cuda_on_cpu

#define __syncthreads() cuda_on_cpu::waitForBlock(__FILE__, __LINE__)

template <class T>
T __shfl_sync(unsigned, T value, int from) {
  return cuda_on_cpu::valueOf(value, from % warpSize);
}
template <class T>
T __shfl_down_sync(unsigned, T value, unsigned by) {
  return cuda_on_cpu::valueOf(value, cuda_on_cpu::lane() + static_cast<int>(by));
}
template <class T>
T __shfl_xor_sync(unsigned, T value, int with) {
  return cuda_on_cpu::valueOf(value, cuda_on_cpu::lane() ^ with);
}

inline void __threadfence() {}
/// Counts up to `last`, and after that begins at zero again.
inline unsigned atomicInc(unsigned* counter, unsigned last) {
  const unsigned before = *counter;
  *counter = before >= last ? 0 : before + 1;
  return before;
}

inline float rsqrtf(float x) { return 1.0F / std::sqrt(x); }

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
  cuda_on_cpu::run(config->gridDim, config->blockDim, [&] { kernel(arguments...); });
  return cudaSuccess;
}
