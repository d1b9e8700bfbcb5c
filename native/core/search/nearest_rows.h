#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <mutex>
#include <vector>

namespace moco {

struct SimilarRow {
  float similarity;
  int64_t row;
};

/// The k rows that are most similar to one query; of equally similar ones, those of lower numbers.
/// Any number of threads may offer rows at once, in any order: what is kept does not depend on it.
class NearestRows {
 public:
  /// @param k  how many to keep, at least 1
  explicit NearestRows(int64_t k) : k_(k) { kept_.reserve(k); }

  /// Rows that are less similar are not kept any more; −∞ while fewer than k have been offered.
  float threshold() const { return threshold_.load(std::memory_order_relaxed); }

  void offer(SimilarRow candidate);

  /// The rows that were kept, the most similar first. Nothing may be offered afterwards.
  std::vector<SimilarRow> take();

 private:
  int64_t k_;
  std::mutex mutex_;
  std::vector<SimilarRow> kept_;  // a heap whose first row is the next to go
  std::atomic<float> threshold_{-std::numeric_limits<float>::infinity()};
};

}  // namespace moco
