#include "core/search/nearest_rows.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

using namespace moco;

TEST_CASE(
    "the nearest rows are kept, of equal ones the first, in whatever order they are offered") {
  std::vector<SimilarRow> offered;
  for (int64_t row = 0; row < 100; ++row) {
    offered.push_back({.similarity = static_cast<float>(row % 7), .row = row});
  }
  std::mt19937 random(1);
  for (int attempt = 0; attempt < 20; ++attempt) {
    std::shuffle(offered.begin(), offered.end(), random);
    NearestRows nearest(16);
    for (const auto& row : offered) nearest.offer(row);
    CHECK(nearest.threshold() == 5);
    const auto kept = nearest.take();
    REQUIRE(kept.size() == 16);
    for (int64_t i = 0; i < 14; ++i) CHECK(kept[i].row == 6 + 7 * i);  // rows of 6: 6, 13 … 97
    CHECK(kept[14].row == 5);
    CHECK(kept[15].row == 12);
  }
}

TEST_CASE("the threshold says nothing before as many rows as wanted were offered") {
  NearestRows nearest(2);
  nearest.offer({.similarity = -5, .row = 0});
  CHECK(nearest.threshold() == -std::numeric_limits<float>::infinity());
  nearest.offer({.similarity = -7, .row = 1});
  CHECK(nearest.threshold() == -7);
  nearest.offer({.similarity = -6, .row = 2});
  CHECK(nearest.threshold() == -6);
}
