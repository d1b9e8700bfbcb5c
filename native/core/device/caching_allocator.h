#pragma once

#include <cstddef>
#include <string>

namespace moco {

/// Makes PyTorch keep large freed blocks of CPU memory for the next tensors instead of giving them
/// back to the system, which otherwise maps and clears every activation anew in every step. Blocks
/// are aligned to 2 MiB and ask for huge pages. Small tensors are left to PyTorch's own allocator.
/// Affects the whole process; later calls do nothing.
void installCachingAllocator();

/// Gives the blocks that no tensor uses back to the system.
void releaseCachedMemory();

/// The large blocks, in bytes; of a GPU, all blocks.
struct CachedMemory {
  size_t inUse;
  size_t cached;  // idle, and kept for the next tensors
  size_t peak;    // the most that was in use at once since it was last restarted
};
CachedMemory cachedMemory();

/// Lets the peak start again from what is in use.
void restartPeak();

/// In bytes: of the machine, or what the container that the process is in may take of it.
size_t physicalMemory();

/// A limit as Linux tells a container's: bytes.
/// @param path  a file; where there is none, or it says `max`, there is no limit
size_t memoryLimit(const std::string& path);

}  // namespace moco
