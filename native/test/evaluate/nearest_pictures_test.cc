#include "core/evaluate/nearest_pictures.h"

#include <doctest/doctest.h>

#include <atomic>
#include <vector>

#include "core/base/error.h"
#include "core/ops/normalise_rows.h"
#include "support/pictures_in_file.h"

using namespace moco;

namespace {

constexpr int64_t kSide = 32;

at::Tensor noise(int64_t count) { return at::randint(256, {count, kSide, kSide, 3}, at::kByte); }

ImageStore storeOf(const at::Tensor& pixels) {
  return {pixels, at::full({pixels.size(0)}, -1, at::kLong), 0};
}

/// A random ResNet-18, frozen.
struct Frozen {
  Encoder encoder{{.settings = {.arch = "resnet18", .featureDim = 0},
                   .device = at::kCPU,
                   .compute = at::kFloat}};
  FrozenBackbone backbone{
      encoder, {.normalisation = {at::full({3}, .5f), at::full({3}, .25f)}, .imageSize = kSide}};

  Frozen() { encoder.initialise(3); }
};

const std::atomic<bool> stop = false;

}  // namespace

TEST_CASE("the nearest pictures are those of the plain statement, the nearest first") {
  Frozen model;
  const auto bank = storeOf(noise(70));
  const auto asked = storeOf(noise(9));
  const std::vector<int64_t> queries{8, 0, 3};
  const auto found = nearestPictures(model.backbone, bank, asked, queries, 5, stop);
  const auto featuresOf = [&](const ImageStore& store) {
    std::vector<at::Tensor> features;
    model.backbone.eachChunk(store, stop, [&](const at::Tensor& chunk, const at::Tensor&) {
      features.push_back(normaliseRows(chunk).clone());
    });
    return at::cat(features);
  };
  const auto wanted = featuresOf(asked).index_select(0, at::tensor(queries, at::kLong));
  const auto similarities = at::mm(wanted, featuresOf(bank).t());
  const auto [best, numbers] = similarities.topk(5);
  CHECK(found.pictures.equal(numbers));
  CHECK(at::allclose(found.similarities, best, 1e-5, 1e-6));
}

TEST_CASE("a picture that lies in the bank, too, is its own nearest") {
  Frozen model;
  const PicturesInFile bank(noise(40));
  const auto found = nearestPictures(model.backbone, bank.store, bank.store, {17, 4}, 1, stop);
  CHECK(found.pictures.flatten().equal(at::tensor({17, 4}, at::kLong)));
}

TEST_CASE("queries that are not there, and more neighbours than pictures, are errors") {
  Frozen model;
  const auto bank = storeOf(noise(4));
  CHECK_THROWS_WITH_AS(nearestPictures(model.backbone, bank, bank, {4}, 1, stop),
                       doctest::Contains("one of the 4 pictures"), Error);
  CHECK_THROWS_WITH_AS(nearestPictures(model.backbone, bank, bank, {0}, 5, stop),
                       doctest::Contains("k: 5 is not between 1 and the 4"), Error);
}
