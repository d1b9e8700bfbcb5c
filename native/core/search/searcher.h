#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/device/machine.h"
#include "core/search/feature_rows.h"
#include "core/search/metric.h"
#include "core/search/row_codes.h"
#include "core/search/row_scan.h"
#include "core/search/similar_pairs.h"

namespace moco {

/// What a searcher is to be.
struct SearcherSettings {
  int64_t count, dims;
  std::string metric;              // as for `metricNamed`
  std::string firstPass;           // `auto`, `none` or `int8`: whether codes go before products
  std::optional<int64_t> threads;  // absent: chosen

  /// Calls `visit(name, value)` for every setting.
  template <class Visit>
  void each(Visit&& visit) {
    visit("count", count);
    visit("dims", dims);
    visit("metric", metric);
    visit("firstPass", firstPass);
    visit("threads", threads);
  }
};

/// The rows that are most similar to some queries.
struct FoundRows {
  int64_t k;                        // of each query, as many as asked for or as there are
  std::vector<uint32_t> rows;       // (queries, k), the most similar first
  std::vector<float> similarities;  // (queries, k)
};

/// Finds similar rows, exactly: the results are those of comparing with every row in fp32, and
/// equally similar rows come in the order of their numbers. Neither the number of threads, nor how
/// many queries are asked at once, nor codes change a bit of them.
class Searcher {
 public:
  /// Rows in memory, to be filled in.
  /// @throws Error ERR_MOCO_CONFIG         for settings that make no sense
  /// @throws Error ERR_MOCO_DEVICE         if the processor cannot have the first pass that is
  /// asked for
  /// @throws Error ERR_MOCO_OUT_OF_MEMORY  if there is not enough for rows and codes
  explicit Searcher(const SearcherSettings& settings);
  /// Rows in a file. Beside the above:
  /// @throws Error ERR_MOCO_DATA, ERR_MOCO_LIMIT  as FeatureRows
  Searcher(const SearcherSettings& settings, const FeatureRows::Place& place);

  /// Copies rows into memory, after those that were added before.
  /// @throws Error ERR_MOCO_CONFIG  if they are more than there is room for
  void append(const std::vector<float>& values);

  /// Compares the rows with their checksum, where they have one, measures and codes them: once,
  /// after all of them are there.
  /// @throws Error ERR_MOCO_CONFIG      if rows are missing
  /// @throws Error ERR_MOCO_NON_FINITE  for a row with a number that is not finite, or too large
  /// @throws Error ERR_MOCO_DATA        if the checksum is another one
  /// @throws Error ERR_MOCO_ABORTED     soon after it was asked to stop
  void prepare(const StopRequested& stop);

  /// @param queries  (any number, dims)
  /// @param k        at least 1
  /// @throws Error ERR_MOCO_NON_FINITE, ERR_MOCO_ABORTED  as above
  /// @throws Error ERR_MOCO_DATA  if the file is not what it was when it was opened
  FoundRows search(const std::vector<float>& queries, int64_t k, const StopRequested& stop) const;

  /// Compares the next rows with all after them, as many as go through the rows together. Whoever
  /// begins with row 0 and goes on until none is left has compared all rows with all others.
  /// @param first  number of the first of them
  /// @param pairs  of as many rows, takes those that are similar
  /// @return       the number of the first row that is left
  /// @throws Error as `search`
  int64_t comparePairs(int64_t first, SimilarPairs& pairs, const StopRequested& stop) const;

  /// The bytes of some rows, as they are stored.
  /// @throws Error ERR_MOCO_DATA  if the file is not what it was when it was opened
  std::vector<uint8_t> bytesOf(int64_t first, int64_t count) const;

  const FeatureRows& rows() const { return rows_; }
  bool hasCodes() const { return codes_.has_value(); }
  /// Why there are codes, or none, in words for the user.
  const std::string& firstPassReason() const { return firstPassReason_; }
  const Threads& threads() const { return machine_.computeThreads; }
  /// Memory that is held, without the pages of a mapped file.
  int64_t heldBytes() const;

 private:
  void chooseFirstPass(const std::string& firstPass);
  void requireMemory() const;
  void prepareRow(int64_t row, std::vector<float>& values);
  RowScan scan() const { return {rows_, metric_, lengths_, codes_ ? &*codes_ : nullptr}; }

  Metric metric_;
  Machine machine_;
  FeatureRows rows_;
  int64_t filled_ = 0;  // rows that are there
  std::string firstPassReason_;
  std::optional<RowCodes> codes_;
  std::vector<float> lengths_;  // of the rows
};

}  // namespace moco
