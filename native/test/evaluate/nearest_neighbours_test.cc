#include "core/evaluate/nearest_neighbours.h"

#include <doctest/doctest.h>

#include <tuple>

#include "support/formula.h"

using namespace moco;

namespace {

constexpr auto kWays = {keepNearest, keepNearestByTopk, plainKeepNearest};

/// Few different values, of both signs, so that many are equal.
at::Tensor similaritiesWithTies(int64_t queries, int64_t bank) {
  const auto bytes = formula::bytes("similarities", {queries, bank}).to(at::kFloat);
  return bytes.remainder(23).sub(11).div(11);
}

/// A label of its own for every picture, which tells the pictures apart.
at::Tensor labelsOf(int64_t bank) { return at::arange(bank); }

/// Offers a bank in pieces of `chunk`.
template <class Keep>
NearestNeighbours offered(const Keep& keep, const at::Tensor& similarities, int64_t neighbours,
                          int64_t chunk) {
  const at::Device device = similarities.device();
  auto nearest = NearestNeighbours::none(similarities.size(0), neighbours, device);
  const auto labels = labelsOf(similarities.size(1)).to(device);
  for (int64_t begin = 0; begin < similarities.size(1); begin += chunk) {
    const int64_t end = std::min(begin + chunk, similarities.size(1));
    keep(nearest, similarities.slice(1, begin, end).contiguous(), labels.slice(0, begin, end));
  }
  return nearest;
}

}  // namespace

TEST_CASE("the nearest come first; of equal ones, the one that was offered earlier") {
  const auto similarities = at::tensor({.5f, .1f, .9f, .5f, .9f, .5f}).view({1, 6});
  for (const auto keep : kWays) {
    for (const int64_t chunk : {6, 4, 1}) {
      const auto nearest = offered(keep, similarities, 4, chunk);
      CHECK(nearest.labels.equal(at::tensor({2, 4, 0, 3}, at::kLong).view({1, 4})));
      CHECK(nearest.similarities.equal(at::tensor({.9f, .9f, .5f, .5f}).view({1, 4})));
    }
  }
}

TEST_CASE("if fewer are offered than wanted, the rest stays empty") {
  for (const auto keep : kWays) {
    const auto nearest = offered(keep, at::tensor({.2f, .3f}).view({1, 2}), 4, 1);
    CHECK(nearest.labels.equal(at::tensor({1, 0, -1, -1}, at::kLong).view({1, 4})));
    CHECK(nearest.similarities.slice(1, 2, 4).isneginf().all().item<bool>());
  }
}

TEST_CASE("a zero of either sign is the same similarity, and all others keep their order") {
  const auto similarities = at::tensor({-1e-30f, 0.f, -.5f, -0.f, 1e-30f, -1.f, 1.f}).view({1, 7});
  for (const auto keep : kWays) {
    const auto nearest = offered(keep, similarities, 7, 7);
    CHECK(nearest.labels.equal(at::tensor({6, 4, 1, 3, 0, 2, 5}, at::kLong).view({1, 7})));
  }
}

TEST_CASE("all ways keep what PyTorch's stable sort keeps, however the bank is cut") {
  for (const auto& [queries, bank, neighbours] :
       {std::tuple{1, 1, 1}, {37, 300, 20}, {16, 129, 128}, {131, 517, 1}, {5, 64, 64}}) {
    for (const int64_t chunk : {517, 64, 7, 1}) {
      INFO(queries, " queries, bank of ", bank, ", k ", neighbours, ", chunk ", chunk);
      for (const auto& similarities :
           {similaritiesWithTies(queries, bank), at::randn({queries, bank})}) {
        const auto plain = offered(plainKeepNearest, similarities, neighbours, chunk);
        for (const auto keep : {keepNearest, keepNearestByTopk}) {
          const auto nearest = offered(keep, similarities, neighbours, chunk);
          CHECK(nearest.similarities.equal(plain.similarities));
          CHECK(nearest.labels.equal(plain.labels));
        }
      }
    }
  }
}

TEST_CASE("a GPU keeps what the CPU keeps") {
  if (!at::hasCUDA()) return;
  const auto similarities = similaritiesWithTies(1000, 9000);
  for (const int64_t chunk : {9000, 3355, 100}) {
    INFO("chunk ", chunk);
    const auto expected = offered(keepNearest, similarities, 200, chunk);
    const auto given = offered(keepNearest, similarities.to(at::kCUDA), 200, chunk);
    CHECK(given.similarities.to(at::kCPU).equal(expected.similarities));
    CHECK(given.labels.to(at::kCPU).equal(expected.labels));
  }
}
