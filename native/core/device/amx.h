#pragma once

#ifdef __x86_64__

#include <immintrin.h>

#include <cstdint>

#include "core/device/avx512.h"

// Stands on every function that uses AMX, or calls one that does and is to be inlined.
#define MOCO_AMX \
  __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni,avx512bf16,amx-tile,amx-bf16")))
#define MOCO_AMX_INLINE MOCO_AMX __attribute__((always_inline)) inline

/// AMX's registers: 8 tiles of 16 rows of 64 bytes. To be called only where `useAmxKernels()`.
namespace moco::kernels::amx {

constexpr int64_t kTileRows = 16;
constexpr int64_t kTileBytes = 64;  // of a row
constexpr int64_t kTiles = 8;

/// What has been written to memory is there before tiles are loaded from it, or set up: the
/// compiler does not know that these read memory.
MOCO_AMX_INLINE void finishWriting(const void* memory) {
  asm volatile("" : : "r"(memory) : "memory");
}

/// Gives the calling thread all tiles, with all rows. oneDNN, which sets tiles up anew for every
/// call of its own, must not be called before `release`.
MOCO_AMX inline void setUp() {
  struct alignas(64) {
    uint8_t palette = 1;
    uint8_t startRow = 0;
    uint8_t reserved[14] = {};
    uint16_t bytes[kTileRows] = {};
    uint8_t rows[kTileRows] = {};
  } configuration;
  for (int64_t tile = 0; tile < kTiles; ++tile) {
    configuration.bytes[tile] = kTileBytes;
    configuration.rows[tile] = kTileRows;
  }
  finishWriting(&configuration);
  _tile_loadconfig(&configuration);
}

/// Tiles in use make a thread's state larger, which the system saves at each change of threads.
MOCO_AMX inline void release() { _tile_release(); }

}  // namespace moco::kernels::amx

#endif
