#pragma once

// The state of a running block: of its threads, which cuda_on_cpu.cc lets take turns, and of its
// memory, which memory_traffic.cc watches.

#include <ucontext.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "cuda_runtime.h"
#include "memory_traffic.h"

namespace cuda_on_cpu {

enum class State { kReady, kAtBarrier, kInShuffle, kDone };

/// An access to memory by one thread.
struct Note {
  const void* site;  // the place in the code
  bool isShared;
  Access access;
  uintptr_t address;
  size_t bytes;
};

/// One thread of a block, with a stack of its own and the place where it waits.
struct Fiber {
  State state;
  ucontext_t context;
  std::unique_ptr<char[]> stack;
  dim3 index;
  const char* file;  // with `line`, the barrier that it waits at
  int line;
  std::array<uint64_t, warpSize> received;  // the warp's values in its last shuffle
  uint64_t sent;
  std::vector<Note> notes;  // while accesses are counted
};

/// Who touched a word of shared memory last, and how many barriers had been passed then.
struct Word {
  const Fiber* writer = nullptr;
  int written = 0;
  const Fiber* reader = nullptr;
  int read = 0;
  bool hasMoreReaders = false;
};

/// The block that is running.
struct Block {
  std::vector<Fiber> fibers;
  const std::function<void()>* thread;
  ucontext_t scheduler;
  Fiber* current;
  int barriers = 0;                           // that the block has passed
  std::unordered_map<uintptr_t, Word> words;  // of shared memory, by address
  std::string failure;                        // what a thread did wrong
};

inline Block* running = nullptr;

/// Adds a block that has ended to what is being counted.
void countBlock(const Block& block);

}  // namespace cuda_on_cpu
