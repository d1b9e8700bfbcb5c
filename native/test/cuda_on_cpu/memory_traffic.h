#pragma once

// Counts what kernels do to memory when they run on the CPU (cuda_runtime.h). Kernels reach memory
// through the functions of core/device/memory_access.cuh, which are these.
//
// The 32 threads of a warp run one after the other here. Those accesses that they would make at
// once are the n-th ones that each of them makes in the same place of the code.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace cuda_on_cpu {

enum class Access { kRead, kWrite };

/// A piece of global memory.
struct Region {
  std::string name;
  const void* begin;
  size_t bytes;
};

/// What warps do with a region. A sector, of 32 bytes, is the least that the memory reads or
/// writes.
struct Traffic {
  int64_t bytesRead = 0, bytesWritten = 0;      // that threads asked for
  int64_t sectorsRead = 0, sectorsWritten = 0;  // touched by an access of a warp, summed over them
  int64_t stepsUp = 0, stepsDown = 0;           // of a thread, from an access to its next one
};

struct Counts {
  std::vector<Traffic> regions;  // in the order of the regions
  int64_t sharedAccesses = 0;    // of warps, to shared memory
  /// Times that an access to shared memory takes longer, because threads of a warp want different
  /// words of one of the 32 banks.
  int64_t bankConflicts = 0;
};

/// Counts what the kernels do that `work` starts.
/// @throws std::logic_error  if they reach global memory outside of the regions
Counts count(const std::vector<Region>& regions, const std::function<void()>& work);

/// Takes note of an access that the running thread makes. Where the code calls this tells which
/// accesses of a warp belong together.
void noteGlobal(Access access, const void* address, size_t bytes);
/// The same for shared memory, of which any word may only be read after a thread of the block has
/// written it. Between two barriers no thread may touch what another one writes: the kernel ends
/// with a std::logic_error otherwise.
void noteShared(Access access, const void* address, size_t bytes);

template <class T>
T readGlobal(const T* from) {
  noteGlobal(Access::kRead, from, sizeof(T));
  return *from;
}
template <class T>
void writeGlobal(T* to, const T& value) {
  noteGlobal(Access::kWrite, to, sizeof(T));
  *to = value;
}
template <class T>
T readShared(const T* from) {
  noteShared(Access::kRead, from, sizeof(T));
  return *from;
}
template <class T>
void writeShared(T* to, const T& value) {
  noteShared(Access::kWrite, to, sizeof(T));
  *to = value;
}

}  // namespace cuda_on_cpu
