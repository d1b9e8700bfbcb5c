#include "core/nearest_neighbours.h"

#include <doctest/doctest.h>

#include <tuple>

#include "formula.h"

using namespace moco;

namespace {

/// Few different values, so that many are equal.
at::Tensor similaritiesWithTies(int64_t queries, int64_t bank) {
  return formula::bytes("similarities", {queries, bank}).to(at::kFloat).remainder(23).div(23);
}

at::Tensor labelsOf(int64_t bank) { return at::arange(bank); }  // who is who

/// Offers a bank in pieces of `chunk`.
template <class Keep>
NearestNeighbours offered(const Keep& keep, const at::Tensor& similarities, int64_t neighbours,
                          int64_t chunk) {
  auto nearest = NearestNeighbours::none(similarities.size(0), neighbours, at::kCPU);
  const auto labels = labelsOf(similarities.size(1));
  for (int64_t begin = 0; begin < similarities.size(1); begin += chunk) {
    const int64_t end = std::min(begin + chunk, similarities.size(1));
    keep(nearest, similarities.slice(1, begin, end).contiguous(), labels.slice(0, begin, end));
  }
  return nearest;
}

}  // namespace

TEST_CASE("the nearest come first, of equal ones the one that was offered earlier") {
  const auto similarities = at::tensor({.5f, .1f, .9f, .5f, .9f, .5f}).view({1, 6});
  for (const auto keep : {keepNearest, plainKeepNearest}) {
    for (const int64_t chunk : {6, 4, 1}) {
      const auto nearest = offered(keep, similarities, 4, chunk);
      CHECK(nearest.labels.equal(at::tensor({2, 4, 0, 3}, at::kLong).view({1, 4})));
      CHECK(nearest.similarities.equal(at::tensor({.9f, .9f, .5f, .5f}).view({1, 4})));
    }
  }
}

TEST_CASE("where fewer are offered than wanted, the rest stays empty") {
  for (const auto keep : {keepNearest, plainKeepNearest}) {
    const auto nearest = offered(keep, at::tensor({.2f, .3f}).view({1, 2}), 4, 1);
    CHECK(nearest.labels.equal(at::tensor({1, 0, -1, -1}, at::kLong).view({1, 4})));
    CHECK(nearest.similarities.slice(1, 2, 4).isneginf().all().item<bool>());
  }
}

TEST_CASE("the CPU's way keeps what PyTorch's operators keep, however the bank is cut") {
  for (const auto& [queries, bank, neighbours] :
       {std::tuple{1, 1, 1}, {37, 300, 20}, {16, 129, 128}, {131, 517, 1}, {5, 64, 64}}) {
    for (const int64_t chunk : {517, 64, 7, 1}) {
      INFO(queries, " queries, bank of ", bank, ", k ", neighbours, ", chunk ", chunk);
      const auto similarities = similaritiesWithTies(queries, bank);
      const auto nearest = offered(keepNearest, similarities, neighbours, chunk);
      const auto plain = offered(plainKeepNearest, similarities, neighbours, chunk);
      CHECK(nearest.similarities.equal(plain.similarities));
      CHECK(nearest.labels.equal(plain.labels));
    }
  }
}
