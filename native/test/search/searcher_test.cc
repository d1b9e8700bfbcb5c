#include "core/search/searcher.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/files/crc32.h"
#include "search/search_examples.h"
#include "support/temporary_folder.h"
#include "support/within.h"

using namespace moco;

namespace {

std::string codeOf(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    return error.code;
  }
  return "none";
}

std::vector<std::string> firstPasses() {
  if (RowCodes::isPossible()) return {"none", "int8"};
  return {"none"};
}

FoundRows searchIn(const at::Tensor& rows, const at::Tensor& queries, int64_t k,
                   const SearcherSettings& settings) {
  Searcher searcher(settings);
  fill(searcher, rows);
  return searcher.search(numbersOf(queries), k, neverStop);
}

/// Clusters, and rows that are there several times.
at::Tensor clustered(int64_t count, int64_t dims) {
  const auto centres = at::randn({7, dims});
  auto rows =
      at::randn({count, dims}).mul_(0.5).add_(centres.index_select(0, at::arange(count) % 7));
  rows.slice(0, count - 5, count).copy_(rows.slice(0, 0, 5));
  return rows;
}

}  // namespace

TEST_CASE("the most similar rows are found, by every metric, with their similarities") {
  at::manual_seed(5);
  const auto rows = clustered(500, 40);
  const auto queries = clustered(30, 40);
  for (const std::string metric : {"cosine", "dot", "euclidean"}) {
    for (const auto& firstPass : firstPasses()) {
      CAPTURE(metric);
      CAPTURE(firstPass);
      const FoundRows found = searchIn(rows, queries, 12, settingsFor(rows, metric, firstPass));
      const auto expected = plainSimilarities(queries, rows, metric);
      const auto best = std::get<0>(expected.topk(12, /*dim=*/1));
      CHECK(found.k == 12);
      REQUIRE(found.rows.size() == 30 * 12);
      double error = 0;
      for (int64_t i = 0; i < 30 * 12; ++i) {
        const double similarity = found.similarities[i];
        const double own = expected[i / 12][found.rows[i]].item<double>();
        error = std::max({error, std::abs(similarity - own),
                          std::abs(similarity - best[i / 12][i % 12].item<double>())});
      }
      checkWithin("similarities of " + metric, error, 3e-5);
    }
  }
}

TEST_CASE("codes, threads and how many are asked at once change no bit of what is found") {
  at::manual_seed(6);
  const auto rows = clustered(3000, 70);
  const auto queries = clustered(40, 70);
  for (const std::string metric : {"cosine", "dot", "euclidean"}) {
    CAPTURE(metric);
    const FoundRows expected = searchIn(rows, queries, 25, settingsFor(rows, metric, "none"));
    for (const auto& firstPass : firstPasses()) {
      for (const int64_t threads : {1, 2, 5}) {
        auto settings = settingsFor(rows, metric, firstPass);
        settings.threads = threads;
        const FoundRows found = searchIn(rows, queries, 25, settings);
        CHECK(found.rows == expected.rows);
        CHECK(found.similarities == expected.similarities);
      }
      Searcher searcher(settingsFor(rows, metric, firstPass));
      fill(searcher, rows);
      const FoundRows alone = searcher.search(numbersOf(queries[17]), 25, neverStop);
      for (int64_t i = 0; i < 25; ++i) {
        CHECK(alone.rows[i] == expected.rows[17 * 25 + i]);
        CHECK(alone.similarities[i] == expected.similarities[17 * 25 + i]);
      }
    }
  }
}

TEST_CASE(
    "equally similar rows come in their order, and all rows where there are fewer than asked for") {
  const auto rows = at::ones({50, 3});
  for (const auto& firstPass : firstPasses()) {
    const FoundRows found = searchIn(rows, rows[0], 80, settingsFor(rows, "cosine", firstPass));
    CHECK(found.k == 50);
    REQUIRE(found.rows.size() == 50);
    for (uint32_t row = 0; row < 50; ++row) CHECK(found.rows[row] == row);
    CHECK(found.similarities.front() == found.similarities.back());
  }
}

TEST_CASE("a zero row or query has the cosine 0 to all, and none at all finds nothing") {
  auto rows = at::tensor({1.0F, 0.0F, 0.0F, 0.0F, -1.0F, 0.0F}).view({3, 2});
  for (const auto& firstPass : firstPasses()) {
    const auto settings = settingsFor(rows, "cosine", firstPass);
    const FoundRows found = searchIn(rows, at::tensor({2.0F, 0.0F}), 3, settings);
    CHECK(found.rows == std::vector<uint32_t>{0, 1, 2});
    CHECK(found.similarities == std::vector<float>{1, 0, -1});
    const FoundRows ofZero = searchIn(rows, at::zeros({2}), 3, settings);
    CHECK(ofZero.similarities == std::vector<float>{0, 0, 0});
    const auto none = at::empty({0, 2});
    CHECK(searchIn(none, rows, 3, settingsFor(none, "cosine", firstPass)).k == 0);
    CHECK(searchIn(rows, none, 3, settings).rows.empty());
  }
}

TEST_CASE("numbers that are not finite or too large are refused, in rows and in queries") {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 1e30F}) {
    for (const auto& firstPass : firstPasses()) {
      auto rows = at::ones({40, 20});
      const auto settings = settingsFor(rows, "dot", firstPass);
      auto query = at::ones({20});
      query[19] = bad;
      CHECK(codeOf([&] { searchIn(rows, query, 1, settings); }) == "ERR_MOCO_NON_FINITE");
      rows[33][7] = bad;
      CHECK(codeOf([&] { searchIn(rows, rows[0], 1, settings); }) == "ERR_MOCO_NON_FINITE");
    }
  }
}

TEST_CASE(
    "a search in a file gives what one in memory does, and one in fp16 that of its rounded rows") {
  const TemporaryFolder folder;
  at::manual_seed(7);
  const auto rows = clustered(200, 24);
  for (const auto type : {at::kFloat, at::kHalf}) {
    const auto stored = rows.to(type);
    const std::string path = folder.path / "rows";
    std::ofstream(path, std::ios::binary)
        .write(static_cast<const char*>(stored.const_data_ptr()),
               static_cast<std::streamsize>(stored.nbytes()));
    for (const std::string metric : {"cosine", "euclidean"}) {
      for (const auto& firstPass : firstPasses()) {
        const auto settings = settingsFor(rows, metric, firstPass);
        Searcher searcher(
            settings,
            {.path = path, .offset = 0, .isHalf = type == at::kHalf, .count = 200, .dims = 24});
        searcher.prepare(neverStop);
        const FoundRows found = searcher.search(numbersOf(rows), 6, neverStop);
        const FoundRows expected = searchIn(stored.to(at::kFloat), rows, 6, settings);
        CHECK(found.rows == expected.rows);
        CHECK(found.similarities == expected.similarities);
      }
    }
  }
}

TEST_CASE("rows in a file are compared with their checksum where that is given") {
  const TemporaryFolder folder;
  const auto rows = at::randn({300, 8});
  const std::string path = folder.path / "rows";
  std::ofstream(path, std::ios::binary)
      .write(static_cast<const char*>(rows.const_data_ptr()),
             static_cast<std::streamsize>(rows.nbytes()));
  const uint32_t checksum = crc32(rows.const_data_ptr(), rows.nbytes());
  const auto prepared = [&](std::optional<uint32_t> expected, const StopRequested& stop) {
    return codeOf([&] {
      Searcher searcher(
          settingsFor(rows, "cosine", "none"),
          {.path = path, .offset = 0, .isHalf = false, .count = 300, .dims = 8, .crc32 = expected});
      searcher.prepare(stop);
    });
  };
  CHECK(prepared(checksum, neverStop) == "none");
  CHECK(prepared({}, neverStop) == "none");
  CHECK(prepared(checksum ^ 1, neverStop) == "ERR_MOCO_DATA");
  CHECK(prepared(checksum, [] { return true; }) == "ERR_MOCO_ABORTED");
}

TEST_CASE("all similar pairs are found once, with and without codes") {
  at::manual_seed(8);
  const auto rows = clustered(700, 30);
  for (const auto& firstPass : firstPasses()) {
    Searcher searcher(settingsFor(rows, "cosine", firstPass));
    fill(searcher, rows);
    SimilarPairs pairs(700, 0.9F, 1000);
    int64_t parts = 0;
    for (int64_t next = 0; next < 700; ++parts)
      next = searcher.comparePairs(next, pairs, neverStop);
    CHECK(parts > 1);
    const SimilarRows found = pairs.take();
    const auto similarities = plainSimilarities(rows, rows, "cosine").triu(1);
    CHECK(found.pairCount == (similarities >= 0.9).sum().item<int64_t>());
    REQUIRE(std::ssize(found.pairs) == found.pairCount);
    CHECK(found.pairs.size() > 5);
    for (int64_t i = 0; i < 5; ++i) {  // the rows that are there twice
      CHECK(found.pairs[i].similarity == doctest::Approx(1));
      CHECK(found.pairs[i].first + 695 == found.pairs[i].second);
    }
  }
}

TEST_CASE("a search and a comparison of all rows end soon after they are asked to") {
  const auto rows = at::randn({20000, 16});
  for (const auto& firstPass : firstPasses()) {
    Searcher searcher(settingsFor(rows, "cosine", firstPass));
    fill(searcher, rows);
    std::atomic<int> asked = 0;
    const auto stop = [&] { return ++asked > 3; };
    CHECK(codeOf([&] { searcher.search(numbersOf(rows[0]), 1, stop); }) == "ERR_MOCO_ABORTED");
    CHECK(asked < 10);
    SimilarPairs pairs(20000, 0.9F, 10);
    CHECK(codeOf([&] { searcher.comparePairs(0, pairs, stop); }) == "ERR_MOCO_ABORTED");
    CHECK(codeOf([&] { searcher.prepare(stop); }) == "ERR_MOCO_ABORTED");
    CHECK(searcher.search(numbersOf(rows[5]), 1, neverStop).rows.front() == 5);
  }
}

TEST_CASE("settings that make no sense are refused") {
  const auto rows = at::ones({4, 2});
  auto settings = settingsFor(rows, "hamming", "none");
  CHECK(codeOf([&] { Searcher{settings}; }) == "ERR_MOCO_CONFIG");
  settings = settingsFor(rows, "dot", "int4");
  CHECK(codeOf([&] { Searcher{settings}; }) == "ERR_MOCO_CONFIG");
  settings = settingsFor(rows, "dot", "none");
  settings.dims = 0;
  CHECK(codeOf([&] { Searcher{settings}; }) == "ERR_MOCO_CONFIG");
  settings = settingsFor(rows, "dot", "none");
  settings.count = int64_t{1} << 31;
  settings.dims = 1 << 20;
  CHECK(codeOf([&] { Searcher{settings}; }) == "ERR_MOCO_OUT_OF_MEMORY");
  settings = settingsFor(rows, "dot", "none");
  Searcher searcher(settings);
  CHECK(codeOf([&] { searcher.prepare(neverStop); }) == "ERR_MOCO_CONFIG");
  CHECK(codeOf([&] { searcher.append(std::vector<float>(10)); }) == "ERR_MOCO_CONFIG");
}
