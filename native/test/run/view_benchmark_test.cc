#include "core/run/view_benchmark.h"

#include <doctest/doctest.h>

using namespace moco;

TEST_CASE("making views takes time, even if there are more of them than pictures") {
  const ImageStore store{at::randint(256, {3, 32, 32, 3}, at::kByte), at::zeros({3}, at::kLong), 1};
  CHECK(secondsPerView(store, 32, 10, 1) > 0);
}

TEST_CASE("views of no pictures cannot be timed") {
  const ImageStore empty{at::empty({0, 32, 32, 3}, at::kByte), at::empty({0}, at::kLong), 1};
  CHECK_THROWS_WITH(secondsPerView(empty, 32, 10, 1),
                    doctest::Contains("nothing to make views of"));
}
