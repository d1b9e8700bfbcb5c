#include "batch_norm_traffic.h"

#include <doctest/doctest.h>

using namespace moco;

TEST_CASE("BatchNorm's kernels take the passes that their header promises") {
  for (const auto& traffic : batchNormTraffic()) {
    INFO(traffic.kernel);
    CHECK(traffic.reads == traffic.promisedReads);
    CHECK(traffic.writes == traffic.promisedWrites);
    CHECK(traffic.sweep == traffic.promisedSweep);
    CHECK(traffic.unwritten == 0);
    CHECK(traffic.bankConflicts == 0);
    if (traffic.isWide) CHECK(traffic.wasted == 0);
  }
}
