#include "core/contrast/info_nce.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/ops/normalise_rows.h"

using namespace moco;

TEST_CASE("the loss is that of its definition, summed up term by term") {
  constexpr double kTemperature = 0.2;
  const auto queries = normaliseRows(at::randn({5, 7}, at::kDouble));
  const auto keys = normaliseRows(at::randn({5, 7}, at::kDouble));
  const auto queue = normaliseRows(at::randn({11, 7}, at::kDouble));
  double expected = 0;
  for (int64_t i = 0; i < 5; ++i) {
    const double positive = at::dot(queries[i], keys[i]).item<double>() / kTemperature;
    double sum = std::exp(positive);
    for (int64_t j = 0; j < 11; ++j) {
      sum += std::exp(at::dot(queries[i], queue[j]).item<double>() / kTemperature);
    }
    expected -= positive - std::log(sum);
  }
  CHECK(infoNce({queries, keys, {queue}}, kTemperature).loss.item<double>() ==
        doctest::Approx(expected / 5).epsilon(1e-12));
}

TEST_CASE("accuracy counts the queries that are nearest to their own key") {
  const auto basis = at::eye(4, at::kDouble);
  const auto queries = basis.slice(0, 0, 2);
  const auto keys = at::stack({basis[0], basis[2]});  // the second query's key is orthogonal to it
  const auto queue = basis.slice(0, 1, 3);
  CHECK(infoNce({queries, keys, {queue}}, 0.5).accuracy.item<double>() == 0.5);
}
