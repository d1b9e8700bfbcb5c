#include "core/input/data_placement.h"

#include <doctest/doctest.h>

using namespace moco;

TEST_CASE("if the CPU trains, data sets stay as they are") {
  ImageStore store{at::zeros({2, 4, 4, 3}, at::kByte), at::zeros({2}, at::kLong), 1};
  const ImageStore before = store;
  const DataPlacement placement = placeData(at::kCPU, store, {});
  CHECK(placement.viewsDevice.is_cpu());
  CHECK(placement.viewed.pixels.is_same(before.pixels));
  CHECK(store.pixels.is_same(before.pixels));
  CHECK(store.labels.is_same(before.labels));
}

TEST_CASE("data sets may take half of a GPU's free memory, and no more") {
  CHECK(lackOfRoom(500, 1000).empty());
  CHECK(lackOfRoom(12'000'000'000, 16'500'000'000) ==
        "the data set, 12.00 GB, is more than half of the GPU's free memory, 16.50 GB");
}

TEST_CASE("if memory runs out while data sets are copied, all stay where they were") {
  ImageStore train{at::zeros({2, 4, 4, 3}, at::kByte), at::zeros({2}, at::kLong), 1};
  ImageStore test{at::ones({3, 4, 4, 3}, at::kByte), at::zeros({3}, at::kLong), 1};
  const ImageStore trainBefore = train;
  const ImageStore testBefore = test;
  for (const int room : {0, 1}) {  // for so many stores
    int uploaded = 0;
    const auto upload = [&](const ImageStore& store) {
      TORCH_CHECK_WITH(OutOfMemoryError, uploaded++ < room, "CUDA out of memory.");
      return ImageStore{store.pixels.clone(), store.labels.clone(), store.classes};
    };
    CHECK_FALSE(uploadAll({&train, &test}, upload));
    CHECK(train.pixels.is_same(trainBefore.pixels));
    CHECK(train.labels.is_same(trainBefore.labels));
    CHECK(test.pixels.is_same(testBefore.pixels));
    CHECK(test.labels.is_same(testBefore.labels));
  }
  const auto asTheDriverSays = [](const ImageStore& store) {
    TORCH_CHECK(false, "CUDA error: out of memory");
    return store;
  };
  CHECK_FALSE(uploadAll({&train, &test}, asTheDriverSays));
}

TEST_CASE("if there is memory, all data sets are copied; other errors reach the caller") {
  ImageStore train{at::zeros({2, 4, 4, 3}, at::kByte), at::zeros({2}, at::kLong), 7};
  ImageStore test{at::ones({3, 4, 4, 3}, at::kByte), at::zeros({3}, at::kLong), 7};
  const auto toMeta = [](const ImageStore& store) { return store.to(at::kMeta); };
  CHECK(uploadAll({&train, &test}, toMeta));
  CHECK(train.pixels.is_meta());
  CHECK(test.labels.is_meta());
  CHECK(test.count() == 3);
  CHECK(test.classes == 7);
  const auto fail = [](const ImageStore& store) {
    TORCH_CHECK(false, "CUDA error: unspecified launch failure");
    return store;
  };
  CHECK_THROWS_AS(uploadAll({&train}, fail), c10::Error);
}

TEST_CASE("if a GPU trains, data sets move there") {
  if (!at::hasCUDA()) return;
  const at::Device gpu(at::kCUDA, 0);
  ImageStore train{at::randint(256, {2, 4, 4, 3}, at::kByte), at::arange(2), 2};
  ImageStore test = train;
  const DataPlacement placement = placeData(gpu, train, {&test});
  CHECK(placement.viewed.pixels.device() == placement.viewsDevice);
  CHECK(train.pixels.device() == gpu);
  CHECK(test.labels.device() == gpu);
  CHECK_FALSE(placement.reason.empty());
}
