#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/search/feature_rows.h"
#include "core/search/metric.h"
#include "core/search/row_codes.h"

namespace moco {

/// Whether a search is to end soon. Any thread may ask.
using StopRequested = std::function<bool()>;

/// Takes the rows that are similar enough to queries. Any number of threads may call at once.
class RowSink {
 public:
  /// Below this similarity to a query, the sink takes no row. It may rise while rows are offered.
  virtual float threshold(int64_t query) const = 0;
  virtual void offer(int64_t query, int64_t row, float similarity) = 0;

 protected:
  ~RowSink() = default;
};

/// A few queries, and what comparing them needs.
struct QueryGroup {
  const float* values;         // (count, dims)
  std::vector<float> lengths;  // of each
  int64_t count() const { return std::ssize(lengths); }
};

/// Compares queries with rows, block by block, on PyTorch's threads.
class RowScan {
 public:
  /// @param lengths  of each row
  /// @param codes    of the rows; null: every row is multiplied
  RowScan(const FeatureRows& rows, Metric metric, const std::vector<float>& lengths,
          const RowCodes* codes)
      : rows_(rows), metric_(metric), lengths_(lengths), codes_(codes) {}

  /// So many queries at most stay in the second-level cache beside a block of rows.
  int64_t queriesAtOnce() const;

  /// Offers to the sink every row from `firstRow` on whose similarity is not below its threshold,
  /// and maybe others of the same block.
  /// @param group  at most `queriesAtOnce()`
  /// @throws Error ERR_MOCO_ABORTED  soon after it was asked to stop
  void run(const QueryGroup& group, int64_t firstRow, RowSink& sink,
           const StopRequested& stop) const;

 private:
  void multiplyBlocks(const QueryGroup& group, int64_t begin, int64_t end, RowSink& sink,
                      const StopRequested& stop) const;
  void compareCodes(const QueryGroup& group, const CodedQueries& coded, int64_t begin, int64_t end,
                    RowSink& sink, const StopRequested& stop) const;
  float similarity(const QueryGroup& group, int64_t query, int64_t row, float product) const;

  const FeatureRows& rows_;
  Metric metric_;
  const std::vector<float>& lengths_;
  const RowCodes* codes_;
};

}  // namespace moco
