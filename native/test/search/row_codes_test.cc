#include "core/search/row_codes.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "core/search/row_products.h"
#include "search/search_examples.h"

using namespace moco;

namespace {

/// Rows of many kinds: noise, sparse ones, one large number among small ones, equal numbers, zeros,
/// tiny and huge ones.
at::Tensor manyKinds(int64_t count, int64_t dims) {
  auto rows = at::randn({count, dims});
  for (int64_t row = 0; row < count; ++row) {
    auto values = rows[row];
    switch (row % 8) {
      case 1:
        values.clamp_min_(1);
        break;
      case 2:
        values.mul_(1e-3).select(0, row % dims).fill_(5);
        break;
      case 3:
        values.fill_(static_cast<double>(row));
        break;
      case 4:
        values.zero_();
        break;
      case 5:
        values.mul_(1e-12);
        break;
      case 6:
        values.mul_(1e12);
        break;
      default:
        break;
    }
  }
  return rows;
}

}  // namespace

TEST_CASE("a row is a candidate for every threshold that its similarity reaches") {
  if (!RowCodes::isPossible()) return;
  at::manual_seed(3);
  for (const int64_t dims : {1, 4, 7, 16, 100, 2048}) {
    const auto values = manyKinds(90, dims);
    const auto numbers = numbersOf(values);
    FeatureRows rows(90, dims);
    rows.fill(0, numbers.data(), 90);
    std::vector<float> lengths(90);
    measureLengths(numbers.data(), 90, dims, lengths.data());
    for (const auto& [metric, name] : {std::pair{Metric::kCosine, "cosine"},
                                       {Metric::kDot, "dot"},
                                       {Metric::kEuclidean, "euclidean"}}) {
      CAPTURE(name);
      CAPTURE(dims);
      RowCodes codes(90, dims, metric);
      for (int64_t row = 0; row < 90; ++row) {
        codes.encode(row, numbers.data() + row * dims, lengths[row]);
      }
      const CodedQueries queries(numbers.data(), 90, dims, metric, lengths);
      std::vector<float> products(90 * 90);
      multiplyRows(rows, 0, 90, metric, numbers.data(), 90, products.data());
      int64_t missed = 0;
      for (int64_t query = 0; query < 90; ++query) {
        for (int64_t row = 0; row < 90; ++row) {
          const float scale = directionScale(lengths[query]) * directionScale(lengths[row]);
          const float similarity = similarityOf(metric, products[query * 90 + row], scale);
          const float threshold = queries.threshold(query, similarity);
          const auto candidates =
              codes.candidates(row / RowCodes::kBlockRows, queries, query, 1, &threshold);
          if ((candidates[0] >> row % RowCodes::kBlockRows & 1) == 0) ++missed;
        }
      }
      CHECK(missed == 0);
    }
  }
}

TEST_CASE("of noise, few rows are candidates that are not similar enough") {
  if (!RowCodes::isPossible()) return;
  at::manual_seed(4);
  const int64_t dims = 512;
  const auto numbers = numbersOf(at::randn({320, dims}));
  std::vector<float> lengths(320);
  measureLengths(numbers.data(), 320, dims, lengths.data());
  RowCodes codes(320, dims, Metric::kCosine);
  for (int64_t row = 0; row < 320; ++row) {
    codes.encode(row, numbers.data() + row * dims, lengths[row]);
  }
  const CodedQueries queries(numbers.data(), 6, dims, Metric::kCosine, lengths);
  const std::vector<float> thresholds(6, queries.threshold(0, 0.25F));
  int64_t candidates = 0;
  for (int64_t block = 0; block < 10; ++block) {
    for (const uint32_t rows : codes.candidates(block, queries, 0, 6, thresholds.data())) {
      candidates += std::popcount(rows);
    }
  }
  CHECK(candidates >= 6);  // each query's own row
  CHECK(candidates <= 8);
}
