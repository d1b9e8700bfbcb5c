#pragma once

#include <cstddef>
#include <string>

namespace moco {

/// Makes PyTorch keep large freed blocks of CPU memory for the next tensors. Otherwise they go back
/// to the system, which maps and clears the memory of every activation anew in every step. Blocks
/// are aligned to 2 MiB and ask for huge pages. Small tensors are left to PyTorch's own allocator.
/// Affects the whole process; later calls do nothing.
void installCachingAllocator();

/// Gives the blocks that no tensor uses back to the system.
void releaseCachedMemory();

/// What an allocator holds, in bytes. On a GPU all blocks are counted, on the CPU only the large
/// ones that the caching allocator keeps.
struct CachedMemory {
  size_t inUse;
  size_t cached;  // idle, and kept for the next tensors
  size_t peak;    // the most that was in use at once since it was last restarted
  size_t held;    // the most that was in use or idle at once since the process started
};
/// What the CPU's allocator holds now.
CachedMemory cachedMemory();

/// Sets the CPU's `peak` to what is in use now.
void restartPeak();

/// The machine's memory in bytes, or the limit of the container that the process runs in, if lower.
size_t physicalMemory();

}  // namespace moco
