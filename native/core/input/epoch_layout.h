#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/base/random.h"

namespace moco {

/// What an epoch consists of. The defaults are those of contrastive training.
struct EpochLayout {
  bool keepIncompleteBatch = false;  // true trains on a shorter last batch, false leaves it out
  int64_t shuffleWindow = 0;         // pictures that are shuffled among themselves; 0: all
};

/// The order of an epoch's pictures, and how they are divided into batches.
class EpochBatches {
 public:
  EpochBatches(int64_t pictures, int64_t batchSize, const EpochLayout& layout)
      : pictures_(pictures),
        batchSize_(batchSize),
        keepIncomplete_(layout.keepIncompleteBatch),
        window_(layout.shuffleWindow) {}

  /// The numbers of all pictures in the order in which an epoch visits them.
  std::vector<int64_t> order(uint64_t seed, uint32_t epoch) const {
    return window_ == 0 ? shuffledIndices(pictures_, seed, epoch)
                        : shuffledInWindows(pictures_, window_, seed, epoch);
  }

  int64_t count() const {
    return (pictures_ + (keepIncomplete_ ? batchSize_ - 1 : 0)) / batchSize_;
  }
  /// The place in the epoch's order at which a batch begins.
  int64_t begin(int64_t batch) const { return batch * batchSize_; }
  /// Number of pictures in a batch.
  int64_t length(int64_t batch) const { return std::min(batchSize_, pictures_ - begin(batch)); }

 private:
  int64_t pictures_, batchSize_;
  bool keepIncomplete_;
  int64_t window_;
};

}  // namespace moco
