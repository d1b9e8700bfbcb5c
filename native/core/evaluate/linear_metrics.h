#pragma once

#include <cstdint>

#include "core/evaluate/accuracy.h"

namespace moco {

/// How well a linear classifier did: means over pictures.
struct LinearMetrics {
  double loss;  // cross-entropy
  Accuracy accuracy;
};

/// The same as sums, so that batches of any length add up.
struct LinearTally {
  double loss = 0;
  int64_t top1 = 0;
  int64_t top5 = 0;
  int64_t pictures = 0;

  LinearTally& operator+=(const LinearTally& other) {
    loss += other.loss;
    top1 += other.top1;
    top5 += other.top5;
    pictures += other.pictures;
    return *this;
  }

  LinearMetrics means() const {
    const auto count = static_cast<double>(pictures);
    return {loss / count,
            {100.0 * static_cast<double>(top1) / count, 100.0 * static_cast<double>(top5) / count}};
  }
};

}  // namespace moco
