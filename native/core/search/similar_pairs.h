#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "core/search/row_scan.h"

namespace moco {

/// Two rows, of which `first` has the lower number.
struct SimilarPair {
  float similarity;
  int64_t first, second;
};

/// Which rows are similar to which.
struct SimilarRows {
  int64_t pairCount;               // of all pairs that are similar enough
  std::vector<SimilarPair> pairs;  // the most similar ones first, and no more than asked for
  /// Rows that pairs connect, directly or through others: each group in order, and the groups in
  /// the order of their first rows. All pairs count, also those that are not listed.
  std::vector<std::vector<int64_t>> groups;
};

/// Collects the pairs of similar rows. The queries it is offered rows for are rows themselves.
class SimilarPairs final : public RowSink {
 public:
  /// @param count      of the rows
  /// @param threshold  of their similarity
  /// @param most       how many pairs to list
  SimilarPairs(int64_t count, float threshold, int64_t most);

  /// Says which row the next queries begin with.
  void beginAt(int64_t row) { firstQuery_ = row; }

  float threshold(int64_t) const override { return threshold_; }
  void offer(int64_t query, int64_t row, float similarity) override;

  /// What was collected. Nothing may be offered afterwards.
  SimilarRows take();

 private:
  int64_t leaderOf(int64_t row);
  void keepMostSimilar();

  float threshold_;
  int64_t most_;
  int64_t firstQuery_ = 0;
  std::mutex mutex_;
  int64_t pairCount_ = 0;
  std::vector<SimilarPair> pairs_;
  std::vector<int64_t>
      leaders_;  // of each row, another row of its group; the leader of all is its own
};

}  // namespace moco
