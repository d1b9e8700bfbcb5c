#include "core/evaluate/label_free_measures.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "core/evaluate/alignment.h"
#include "core/evaluate/dimension_spread.h"
#include "core/evaluate/effective_rank.h"
#include "core/evaluate/neighbour_agreement.h"
#include "core/evaluate/own_key_rank.h"
#include "core/evaluate/uniformity.h"
#include "core/ops/normalise_rows.h"
#include "support/fixtures.h"
#include "support/formula.h"
#include "support/within.h"

using namespace moco;

namespace {

/// Vectors of which later dimensions are shorter, and that have a mean, as features have.
at::Tensor vectors(const std::string& name, int64_t count, int64_t dimensions) {
  const auto values = formula::uniform(name, {count, dimensions}, -1, 1).to(at::kDouble);
  const auto lengths = at::arange(1, dimensions + 1, at::kDouble).reciprocal();
  return values * lengths + lengths / 4;
}

/// Vectors of one view of 1,100 pictures, more than two of the blocks in which they are compared.
at::Tensor view(const std::string& name, at::ScalarType dtype) {
  return (vectors("shared", 1100, 48) + vectors(name, 1100, 48) / 2).to(dtype);
}

/// Features and projections are the same vectors, as far as a projection may be.
ViewVectors viewVectors(const std::string& name, at::ScalarType dtype) {
  const auto features = view(name, dtype);
  return {features, normaliseRows(features)};
}

void checkAgainstPyTorch(at::ScalarType dtype, double tolerance) {
  const Fixture fixture = loadFixture("measures");
  const auto expected = [&](const char* name) { return fixture.at(name).item<double>(); };
  const auto first = viewVectors("first", dtype);
  const auto measured = measureWithoutLabels(first, viewVectors("second", dtype));
  checkClose("alignment", measured.alignment, expected("alignment"), tolerance);
  checkClose("uniformity", measured.uniformity, fixture.at("uniformity").mean().item<double>(),
             tolerance);
  checkClose("uniformity of one view", uniformity(first.projections),
             fixture.at("uniformity")[0].item<double>(), tolerance);
  checkClose("effective rank", measured.effectiveRank, expected("effective_rank"), tolerance);
  checkClose("dimension spread", measured.dimensionSpread, expected("dimension_spread"), tolerance);
  checkClose("own key's rank", measured.ownKeyRank, expected("own_key_rank"), 10 * tolerance);
  checkClose("own key's median rank", measured.ownKeyMedianRank, expected("own_key_median_rank"),
             10 * tolerance);
  checkClose("own key first", measured.ownKeyFirst, expected("own_key_first"), 10 * tolerance);
  checkClose("neighbours' agreement", measured.neighbourAgreement, expected("neighbour_agreement"),
             10 * tolerance);
}

}  // namespace

TEST_CASE("measures without labels are PyTorch's") {
  checkAgainstPyTorch(at::kDouble, 1e-12);
  checkAgainstPyTorch(at::kFloat, 1e-5);
}

TEST_CASE("the effective rank of fewer pictures than dimensions is PyTorch's") {
  const Fixture fixture = loadFixture("measures");
  checkClose("effective rank", effectiveRank(vectors("wide", 40, 64)),
             fixture.at("effective_rank_wide").item<double>(), 1e-12);
}

TEST_CASE("where all pictures have the same vector, the measures say so") {
  const auto same = viewVectors("first", at::kDouble).features[0].expand({1100, 48}).contiguous();
  const ViewVectors collapsed{same, normaliseRows(same)};
  const auto measured = measureWithoutLabels(collapsed, collapsed);
  CHECK(measured.alignment == 0);
  CHECK(std::abs(measured.uniformity) < 1e-12);
  CHECK(measured.effectiveRank == doctest::Approx(1).epsilon(1e-3));
  CHECK(measured.dimensionSpread < 1e-12);
  CHECK(measured.ownKeyFirst == 0);
}

TEST_CASE("equally near keys count half, so that a collapsed encoder is no better than chance") {
  // Powers of two: products and sums are exact.
  const auto same = at::full({7, 4}, 0.5);
  const OwnKeyRank rank = ownKeyRank(same, same);
  CHECK(rank.mean == 0.5);
  CHECK(rank.median == 0.5);
  CHECK(rank.first == 0);
}

TEST_CASE("where views are alike and pictures orthogonal, the measures are the best there are") {
  const auto features = at::eye(16);
  const ViewVectors perfect{features, features};
  const auto measured = measureWithoutLabels(perfect, perfect);
  CHECK(measured.alignment == 0);
  CHECK(measured.uniformity == doctest::Approx(-4));  // all are √2 apart
  CHECK(measured.effectiveRank == doctest::Approx(16).epsilon(1e-3));
  CHECK(measured.ownKeyRank == 0);
  CHECK(measured.ownKeyFirst == 1);
  CHECK(measured.neighbourAgreement == 1);
}

TEST_CASE("features that are all zero use no dimension") {
  CHECK(effectiveRank(at::zeros({5, 3})) == doctest::Approx(1).epsilon(1e-3));
}

TEST_CASE("vectors that are spread evenly over a sphere have a spread of one") {
  const auto poles = at::cat({at::eye(8), -at::eye(8)});
  CHECK(dimensionSpread(poles) == doctest::Approx(1).epsilon(0.05));
}

TEST_CASE("neighbours agree as far as they are in common, by their order and not by their number") {
  // On a line, by angle: the nearest two of each, without the picture itself.
  const auto onCircle = [](const at::Tensor& angles) {
    return at::stack({angles.cos(), angles.sin()}, 1);
  };
  const auto first = onCircle(at::tensor({0., .1, .25, .5, .9}));
  CHECK(neighbourAgreement(first, first.flip({1}), 2) == 1);
  const auto other = onCircle(at::tensor({0., .9, .25, .5, .1}));
  CHECK(neighbourAgreement(first, other, 4) == 1);
  CHECK(neighbourAgreement(first, other, 1) == doctest::Approx(0.2));
}

TEST_CASE("two pictures are enough to measure on") {
  const ViewVectors two{view("first", at::kFloat).slice(0, 0, 2),
                        normaliseRows(view("first", at::kFloat).slice(0, 0, 2))};
  const auto measured = measureWithoutLabels(two, two);
  measured.each([](const std::string& name, double value) {
    INFO(name);
    CHECK(std::isfinite(value));
  });
}
