#include "core/search/row_scan.h"

#include <algorithm>
#include <array>
#include <bit>

#include "core/base/error.h"
#include "core/base/threads.h"
#include "core/search/row_products.h"

namespace moco {
namespace {

constexpr int64_t kBlockRows = RowCodes::kBlockRows;
constexpr int64_t kCacheBytes = 512 * 1024;  // of the second-level cache, for queries
constexpr int64_t kMostQueries = 256;

void requireNotStopped(const StopRequested& stop) {
  if (stop()) throw Error("ERR_MOCO_ABORTED", "the search was stopped", "Start it again.");
}

}  // namespace

int64_t RowScan::queriesAtOnce() const {
  const int64_t queryBytes = rows_.dims() * (codes_ != nullptr ? 2 : 4);
  return std::clamp(kCacheBytes / queryBytes, kernels::row_codes::kQueries, kMostQueries);
}

void RowScan::run(const QueryGroup& group, int64_t firstRow, RowSink& sink,
                  const StopRequested& stop) const {
  const int64_t firstBlock = firstRow / kBlockRows;
  const int64_t blocks = (rows_.count() + kBlockRows - 1) / kBlockRows - firstBlock;
  if (blocks <= 0) return;
  if (codes_ != nullptr) {
    const CodedQueries coded(group.values, group.count(), rows_.dims(), metric_, group.lengths);
    parallelFor(blocks, [&](int64_t begin, int64_t end) {
      compareCodes(group, coded, firstBlock + begin, firstBlock + end, sink, stop);
    });
  } else {
    parallelFor(blocks, [&](int64_t begin, int64_t end) {
      multiplyBlocks(group, firstBlock + begin, firstBlock + end, sink, stop);
    });
  }
}

void RowScan::multiplyBlocks(const QueryGroup& group, int64_t begin, int64_t end, RowSink& sink,
                             const StopRequested& stop) const {
  std::vector<float> products(group.count() * kBlockRows);
  for (int64_t block = begin; block < end; ++block) {
    requireNotStopped(stop);
    const int64_t first = block * kBlockRows;
    const int64_t count = std::min(kBlockRows, rows_.count() - first);
    multiplyRows(rows_, first, first + count, metric_, group.values, group.count(),
                 products.data());
    for (int64_t query = 0; query < group.count(); ++query) {
      const float threshold = sink.threshold(query);
      for (int64_t row = 0; row < count; ++row) {
        const float found = similarity(group, query, first + row, products[query * count + row]);
        if (found >= threshold) sink.offer(query, first + row, found);
      }
    }
  }
}

void RowScan::compareCodes(const QueryGroup& group, const CodedQueries& coded, int64_t begin,
                           int64_t end, RowSink& sink, const StopRequested& stop) const {
  constexpr int64_t kAtOnce = kernels::row_codes::kQueries;
  std::array<float, kAtOnce> thresholds{};
  for (int64_t block = begin; block < end; ++block) {
    requireNotStopped(stop);
    for (int64_t first = 0; first < group.count(); first += kAtOnce) {
      const int64_t count = std::min(kAtOnce, group.count() - first);
      for (int64_t i = 0; i < count; ++i) {
        thresholds[i] = coded.threshold(first + i, sink.threshold(first + i));
      }
      const auto candidates = codes_->candidates(block, coded, first, count, thresholds.data());
      for (int64_t i = 0; i < count; ++i) {
        for (uint32_t left = candidates[i]; left != 0; left &= left - 1) {
          const int64_t row = block * kBlockRows + std::countr_zero(left);
          float product = 0;
          multiplyRows(rows_, row, row + 1, metric_, group.values + (first + i) * rows_.dims(), 1,
                       &product);
          sink.offer(first + i, row, similarity(group, first + i, row, product));
        }
      }
    }
  }
}

float RowScan::similarity(const QueryGroup& group, int64_t query, int64_t row,
                          float product) const {
  if (metric_ != Metric::kCosine) return similarityOf(metric_, product, 1);
  const float scale = directionScale(group.lengths[query]) * directionScale(lengths_[row]);
  return similarityOf(metric_, product, scale);
}

}  // namespace moco
