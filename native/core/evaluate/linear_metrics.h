#pragma once

#include <cstdint>

#include "core/evaluate/accuracy.h"

namespace moco {

/// How well a linear classifier does, as means over pictures.
struct LinearMetrics {
  double loss;  // cross-entropy
  Accuracy accuracy;
};

/// The same as sums over pictures, so that batches of different lengths can be added up.
struct LinearTally {
  double loss = 0;
  int64_t top1 = 0;  // pictures whose label has the highest score
  int64_t top5 = 0;  // pictures whose label is one of the best five
  int64_t pictures = 0;

  LinearTally& operator+=(const LinearTally& other) {
    loss += other.loss;
    top1 += other.top1;
    top5 += other.top5;
    pictures += other.pictures;
    return *this;
  }

  /// The sums divided by the number of pictures, which must not be 0.
  LinearMetrics means() const {
    const auto count = static_cast<double>(pictures);
    return {loss / count,
            {100.0 * static_cast<double>(top1) / count, 100.0 * static_cast<double>(top5) / count}};
  }
};

}  // namespace moco
