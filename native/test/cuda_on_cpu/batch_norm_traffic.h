#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace moco {

/// The direction in which threads go through the rows.
enum class Sweep { kUp, kDown, kNeither };

/// What a BatchNorm kernel does to memory on one shape, and what cuda_batch_norm_kernels.h promises
/// of it. A pass reads or writes all activations once.
struct KernelTraffic {
  std::string kernel;                    // its name, what follows BatchNorm, and the shape
  double reads, writes;                  // passes
  double promisedReads, promisedWrites;  // passes
  Sweep sweep, promisedSweep;
  /// Bytes of touched 32-byte sectors that no thread of the warp asked for, in all accesses to
  /// activations. (A row of the mask is shorter than a sector in places; the L2 cache joins them.)
  int64_t wasted;
  /// Whether the kernel can take 16 bytes at a time, and then must waste nothing.
  bool isWide;
  int64_t bankConflicts;
  int64_t unwritten;  // bytes of the output that no thread has written
  double others;      // sectors of parameters, statistics and workspace, in bytes, as passes

  bool isAsPromised() const {
    return reads == promisedReads && writes == promisedWrites && sweep == promisedSweep &&
           bankConflicts == 0 && unwritten == 0 && (wasted == 0 || !isWide);
  }
};

/// Runs every kernel of BatchNorm in the emulation, on a few shapes.
std::vector<KernelTraffic> batchNormTraffic();

}  // namespace moco
