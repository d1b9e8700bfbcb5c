#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/search/large_memory.h"
#include "core/search/metric.h"
#include "core/search/row_codes_kernels.h"

namespace moco {

/// Queries as the codes of rows are compared with them.
class CodedQueries {
 public:
  /// @param queries  (count, dims)
  /// @param lengths  of each query
  CodedQueries(const float* queries, int64_t count, int64_t dims, Metric metric,
               const std::vector<float>& lengths);

  int64_t count() const { return std::ssize(terms_); }
  const int8_t* codes(int64_t query) const { return codes_.data() + query * 2 * width_; }
  const kernels::row_codes::QueryTerms& terms(int64_t query) const { return terms_[query]; }

  /// The bound of a product below which a row is less similar than `similarity`.
  float threshold(int64_t query, float similarity) const;

 private:
  void encode(const float* query, int64_t dims);

  int64_t width_;
  Metric metric_;
  double rounding_;
  std::vector<float> lengths_;
  std::vector<int8_t> codes_;  // (count, 2, width)
  std::vector<kernels::row_codes::QueryTerms> terms_;
};

/// Rows in one byte for each number: a quarter of fp32. From them follows, for each row, an upper
/// bound of its similarity to a query, so that only rows are multiplied whose bound is high enough.
/// What a search finds is therefore the same with and without codes, to the last bit.
///
/// By Cauchy–Schwarz, coding a row changes its product with a query by no more than the query's
/// length times that of what coding took from the row; that length is kept for each row.
class RowCodes {
 public:
  /// Longer rows cannot be coded: their products would not fit in 32 bits.
  static constexpr int64_t kMostDims = 65536;

  /// Whether this processor can use codes.
  static bool isPossible() { return kernels::row_codes::kernels() != nullptr; }
  /// The memory that codes take.
  static int64_t bytesFor(int64_t count, int64_t dims);

  RowCodes(int64_t count, int64_t dims, Metric metric);

  /// Codes a row. Any number of threads may code different rows at once.
  void encode(int64_t row, const float* values, float length);

  /// Rows are compared in blocks.
  static constexpr int64_t kBlockRows =
      kernels::row_codes::kPanelRows * kernels::row_codes::kPanels;

  /// Tells which rows of a block may be as similar to queries as asked.
  /// @param first       number of the first query
  /// @param count       of queries, at most `kernels::row_codes::kQueries`
  /// @param thresholds  for each of the queries, as `CodedQueries::threshold` says
  /// @return            for each of the queries a bit for each row
  std::array<uint32_t, kernels::row_codes::kQueries> candidates(int64_t block,
                                                                const CodedQueries& queries,
                                                                int64_t first, int64_t count,
                                                                const float* thresholds) const;

 private:
  uint8_t* panel(int64_t number) const {
    return static_cast<uint8_t*>(codes_.data()) + number * width_ * kernels::row_codes::kPanelRows;
  }

  int64_t dims_, width_;
  Metric metric_;
  LargeMemory codes_;  // (panels, width / 4, kPanelRows, 4)
  std::vector<kernels::row_codes::PanelTerms> terms_;
};

}  // namespace moco
