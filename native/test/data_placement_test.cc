#include "core/data_placement.h"

#include <doctest/doctest.h>

using namespace moco;

TEST_CASE("where the CPU trains, data sets stay as they are") {
  ImageStore store{at::zeros({2, 4, 4, 3}, at::kByte), at::zeros({2}, at::kLong), 1};
  const ImageStore before = store;
  const DataPlacement placement = placeData(at::kCPU, {&store});
  CHECK(placement.viewsDevice.is_cpu());
  CHECK(store.pixels.is_same(before.pixels));
  CHECK(store.labels.is_same(before.labels));
}

TEST_CASE("data sets may take half of a GPU's free memory, and no more") {
  CHECK(lackOfRoom(500, 1000).empty());
  CHECK(lackOfRoom(12'000'000'000, 16'500'000'000) ==
        "the data set, 12.00 GB, is more than half of the GPU's free memory, 16.50 GB");
}

TEST_CASE("where a GPU trains, data sets move there") {
  if (!at::hasCUDA()) return;
  const at::Device gpu(at::kCUDA, 0);
  ImageStore train{at::randint(256, {2, 4, 4, 3}, at::kByte), at::arange(2), 2};
  ImageStore test = train;
  const DataPlacement placement = placeData(gpu, {&train, &test});
  CHECK(train.pixels.device() == gpu);
  CHECK(test.labels.device() == gpu);
  CHECK_FALSE(placement.reason.empty());
}
