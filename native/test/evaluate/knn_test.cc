#include "core/evaluate/knn.h"

#include <doctest/doctest.h>

#include <initializer_list>
#include <utility>

#include "core/evaluate/accuracy.h"
#include "core/model/encoder.h"
#include "core/ops/normalise_rows.h"
#include "support/fixtures.h"
#include "support/formula.h"
#include "support/within.h"

using namespace moco;

namespace {

constexpr int64_t kBank = 300;
constexpr int64_t kTests = 40;

at::Tensor features(const char* name, int64_t count) {
  return normaliseRows(formula::uniform(name, {count, 64}, -1, 1).to(at::kDouble)).to(at::kFloat);
}

at::Tensor labels(const char* name, int64_t count) {
  return formula::bytes(name, {count}).to(at::kLong).remainder(10);
}

/// A vote to which the bank was added in pieces of `chunk`.
KnnVote vote(int64_t neighbours, int64_t chunk) {
  KnnVote result(features("test", kTests), neighbours);
  const auto bank = features("bank", kBank);
  const auto bankLabels = labels("bank.labels", kBank);
  for (int64_t begin = 0; begin < kBank; begin += chunk) {
    const int64_t end = std::min(begin + chunk, kBank);
    result.addBank(bank.slice(0, begin, end), bankLabels.slice(0, begin, end));
  }
  return result;
}

}  // namespace

TEST_CASE("votes and accuracies are those of the reference, however the bank is cut") {
  const Fixture fixture = loadFixture("knn");
  for (int64_t i = 0; i < fixture.at("k").size(0); ++i) {
    const auto neighbours = fixture.at("k")[i].item<int64_t>();
    const double temperature = fixture.at("temperature")[i].item<double>();
    for (const int64_t chunk : {300, 128, 7, 1}) {
      INFO("k ", neighbours, ", temperature ", temperature, ", chunk ", chunk);
      const auto scores = vote(neighbours, chunk).scores(temperature, 10);
      // A similarity is off by 1e-7, and so its weight by 1e-7 / temperature.
      checkWithin("scores", relativeDistance(scores, fixture.at("scores")[i]), 5e-6);
      const Accuracy accuracy = accuracyOf(bestClasses(scores), labels("test.labels", kTests));
      CHECK(isClose(accuracy.top1, fixture.at("top1")[i].item<double>(), 1e-12));
      CHECK(isClose(accuracy.top5, fixture.at("top5")[i].item<double>(), 1e-12));
    }
  }
}

TEST_CASE("a bank that is gathered in pieces gives the same votes as one compared at once") {
  const auto queries = features("test", kTests);
  const auto bank = features("bank", kBank);
  const auto bankLabels = labels("bank.labels", kBank);
  for (const int64_t neighbours : {1, 20, 200}) {
    KnnVote whole(queries, neighbours, 0);
    whole.addBank(bank, bankLabels);
    for (const int64_t piece : {1, 7, 64, 150, 300, 1000}) {
      for (const int64_t chunk : {300, 256, 64, 33}) {
        INFO("k ", neighbours, ", piece ", piece, ", chunk ", chunk);
        KnnVote vote(queries, neighbours, piece);
        for (int64_t begin = 0; begin < kBank; begin += chunk) {
          const int64_t end = std::min(begin + chunk, kBank);
          vote.addBank(bank.slice(0, begin, end), bankLabels.slice(0, begin, end));
        }
        for (const double temperature : {0.1, 0.5}) {
          // Products of another shape are summed in another order.
          checkWithin("scores",
                      relativeDistance(vote.scores(temperature, 10), whole.scores(temperature, 10)),
                      5e-6);
        }
      }
    }
  }
}

TEST_CASE("a GPU compares with as much of a bank as its memory has room for") {
  const at::Device gpu(at::kCUDA, 0);
  CHECK(KnnVote::pieceLength(at::kCPU, 10'000) == 0);
  CHECK(KnnVote::pieceLength(gpu, 10'000) == 3355);
  CHECK(KnnVote::pieceLength(gpu, 10) == 8192);
  CHECK(KnnVote::pieceLength(gpu, 100'000'000) == 1);
}

TEST_CASE("many queries get the votes that each would get alone") {
  // Features are small multiples of 1/8, so that no product is rounded.
  const auto exact = [](const char* name, int64_t count) {
    return formula::bytes(name, {count, 16}).to(at::kFloat).remainder(9).sub(4).div(8);
  };
  constexpr int64_t kQueries = 1037;
  const auto queries = exact("queries", kQueries);
  const auto bank = exact("bank", kBank);
  const auto bankLabels = labels("bank.labels", kBank);
  KnnVote together(queries, 11);
  together.addBank(bank, bankLabels);
  const auto scores = together.scores(0.5, 10);
  for (const int64_t query : {0L, 511L, 512L, kQueries - 1}) {
    KnnVote alone(queries.slice(0, query, query + 1), 11);
    alone.addBank(bank, bankLabels);
    CHECK(alone.scores(0.5, 10).equal(scores.slice(0, query, query + 1)));
  }
}

TEST_CASE("counted without a table, votes are those of a table of all classes") {
  KnnVote counted = vote(50, 128);
  for (const int64_t classes : {10, 300}) {
    const auto scores = counted.scores(0.1, classes);
    const auto best = counted.bestVotes(0.1, classes);
    CHECK(best.classes.equal(bestClasses(scores)));
    checkWithin("votes", relativeDistance(best.votes, scores.gather(1, best.classes)), 5e-6);
  }
}

TEST_CASE("classes that no neighbour votes for come last, by their number") {
  const auto weights = at::tensor({1.f, 2.f, 1.f}).view({1, 3});
  const auto best = [&](std::initializer_list<int64_t> labels, int64_t classes) {
    const auto votes = countVotes(weights, at::tensor(labels, at::kLong).view({1, 3}), classes);
    return std::make_pair(votes.classes, votes.votes);
  };
  const auto check = [&](std::initializer_list<int64_t> labels, int64_t classes,
                         std::initializer_list<int64_t> expected) {
    CHECK(
        best(labels, classes)
            .first.equal(
                at::tensor(expected, at::kLong).view({1, static_cast<int64_t>(expected.size())})));
  };
  check({7, 1, 9000}, 10'000, {1, 7, 9000, 0, 2});
  check({7, 1, 7}, 10'000, {1, 7, 0, 2, 3});  // of equal votes, the lower class
  check({4, 4, 4}, 10'000, {4, 0, 1, 2, 3});
  check({2, 2, 0}, 3, {2, 0, 1});
  CHECK(best({4, 4, 4}, 10'000).second.equal(at::tensor({4.f, 0.f, 0.f, 0.f, 0.f}).view({1, 5})));
}
