#include "core/search/similar_pairs.h"

#include <doctest/doctest.h>

using namespace moco;

TEST_CASE("pairs connect rows to groups, and only the most similar are listed") {
  SimilarPairs pairs(10, 0.5F, 2);
  pairs.beginAt(2);
  pairs.offer(0, 2, 1.0F);  // itself
  pairs.offer(0, 1, 0.9F);  // was seen from the other side
  pairs.offer(0, 9, 0.6F);
  pairs.offer(0, 3, 0.4F);  // not similar enough
  pairs.offer(5, 9, 0.7F);  // rows 7 and 9
  pairs.beginAt(0);
  pairs.offer(1, 4, 0.7F);
  const SimilarRows found = pairs.take();
  CHECK(found.pairCount == 3);
  REQUIRE(found.pairs.size() == 2);
  CHECK(found.pairs[0].first == 1);  // of equally similar pairs, the first
  CHECK(found.pairs[0].second == 4);
  CHECK(found.pairs[1].first == 7);
  REQUIRE(found.groups.size() == 2);
  CHECK(found.groups[0] == std::vector<int64_t>{1, 4});
  CHECK(found.groups[1] == std::vector<int64_t>{2, 7, 9});
}

TEST_CASE("no more pairs are held than twice those that are listed, and the best of all are") {
  SimilarPairs pairs(1000, 0, 10);
  for (int64_t row = 1; row < 1000; ++row) {
    pairs.offer(0, row, static_cast<float>((row * 7919) % 1000));
  }
  const SimilarRows found = pairs.take();
  CHECK(found.pairCount == 999);
  REQUIRE(found.pairs.size() == 10);
  for (int64_t i = 0; i < 10; ++i) CHECK(found.pairs[i].similarity == 999 - i);
  REQUIRE(found.groups.size() == 1);
  CHECK(found.groups[0].size() == 1000);
}
