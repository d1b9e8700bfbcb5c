#include "core/search/row_products.h"

#include <doctest/doctest.h>

#include <vector>

#include "search/search_examples.h"
#include "support/within.h"

using namespace moco;

namespace {

void fillRows(FeatureRows& rows, const at::Tensor& values) {
  rows.fill(0, numbersOf(values).data(), values.size(0));
}

}  // namespace

TEST_CASE("products are those of their definitions, for any number of queries, rows and numbers") {
  at::manual_seed(1);
  for (const int64_t dims : {1, 15, 16, 17, 100, 512}) {
    for (const int64_t count : {1, 3, 4, 9}) {
      const auto values = at::randn({count, dims});
      const auto queries = at::randn({count + 1, dims});
      FeatureRows rows(count, dims);
      fillRows(rows, values);
      const auto products = at::empty({count + 1, count});
      multiplyRows(rows, 0, count, Metric::kDot, numbersOf(queries).data(), count + 1,
                   products.data_ptr<float>());
      const auto expected = plainSimilarities(queries, values, "dot");
      checkWithin("products", (products - expected).abs().max().item<double>(), 2e-5);
      multiplyRows(rows, 0, count, Metric::kEuclidean, numbersOf(queries).data(), count + 1,
                   products.data_ptr<float>());
      const auto distances = plainSimilarities(queries, values, "euclidean");
      checkWithin("distances", (products.sqrt() + distances).abs().max().item<double>(), 2e-5);
    }
  }
}

TEST_CASE("a product is the same to the last bit, alone and among others") {
  const auto values = at::randn({11, 77});
  const auto queries = numbersOf(at::randn({7, 77}));
  FeatureRows rows(11, 77);
  fillRows(rows, values);
  std::vector<float> together(7 * 11);
  multiplyRows(rows, 0, 11, Metric::kDot, queries.data(), 7, together.data());
  for (int64_t query = 0; query < 7; ++query) {
    for (int64_t row = 0; row < 11; ++row) {
      float alone = 0;
      multiplyRows(rows, row, row + 1, Metric::kDot, queries.data() + query * 77, 1, &alone);
      CHECK(alone == together[query * 11 + row]);
    }
  }
}
