#pragma once

#include <algorithm>
#include <cstdint>

namespace moco {

/// What an epoch consists of. The defaults are those of contrastive training.
struct EpochLayout {
  int64_t viewsPerPicture = 2;
  bool keepIncompleteBatch = false;  // true trains on a shorter last batch, false leaves it out
};

/// How an epoch's pictures are divided into batches.
class EpochBatches {
 public:
  EpochBatches(int64_t pictures, int64_t batchSize, const EpochLayout& layout)
      : pictures_(pictures), batchSize_(batchSize), keepIncomplete_(layout.keepIncompleteBatch) {}

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
};

}  // namespace moco
