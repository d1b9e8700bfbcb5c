#include "core/input/host_input_loader.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <vector>

#include "core/base/error.h"
#include "core/base/random.h"
#include "core/input/augment.h"
#include "core/input/make_views.h"
#include "support/pictures_in_file.h"

using namespace moco;

namespace {

ImageStore noise(int64_t count) {
  return {at::randint(256, {count, 8, 8, 3}, at::kByte), at::zeros({count}, at::kLong), 10};
}

/// A normalisation that only scales bytes to 0 … 1.
Normalisation scaling() { return {at::zeros({3}), at::ones({3})}; }

/// A loader on the CPU whose views are made by `threads` threads.
HostInputLoader loaderOf(const ImageStore& store, int64_t batchSize, uint64_t seed, int64_t threads,
                         const EpochLayout& layout = {},
                         const std::vector<ViewPlan>& views = {ViewPlan{8}, ViewPlan{8}}) {
  return {store,
          {.device = at::kCPU,
           .compute = at::kFloat,
           .normalisation = scaling(),
           .views = views,
           .batchSize = batchSize,
           .seed = seed,
           .threads = threads,
           .layout = layout}};
}

/// The next batch as one tensor, (views, B, 3, H, W).
at::Tensor nextOf(InputLoader& loader) { return at::stack(loader.next()); }

/// All views of an epoch, (batches, 2, B, 3, H, W).
at::Tensor epochOf(InputLoader& loader, uint32_t epoch) {
  loader.startEpoch(epoch);
  std::vector<at::Tensor> batches;
  for (int64_t i = 0; i < loader.batchesPerEpoch(); ++i) batches.push_back(nextOf(loader));
  return at::stack(batches);
}

}  // namespace

TEST_CASE("views do not depend on the number of threads") {
  const ImageStore store = noise(103);
  auto one = loaderOf(store, 10, 4, 1);
  auto five = loaderOf(store, 10, 4, 5);
  const auto views = epochOf(one, 1);
  CHECK(views.size(0) == 10);  // the incomplete batch is left out
  CHECK(views.equal(epochOf(five, 1)));
  CHECK(epochOf(one, 2).equal(epochOf(five, 2)));
  CHECK_FALSE(views.equal(epochOf(one, 2)));
}

TEST_CASE("every picture is seen once, in two views drawn for it") {
  const ImageStore store = noise(20);
  auto loader = loaderOf(store, 5, 9, 2);
  const auto views = epochOf(loader, 3);
  const auto order = shuffledIndices(20, 9, 3);
  const auto table = normalisedBytes(scaling(), at::kFloat);
  for (int64_t i = 0; i < 20; ++i) {
    for (uint32_t view = 0; view < 2; ++view) {
      Philox random(9, Purpose::kView, 3, static_cast<uint32_t>(order[i] * 2 + view));
      const auto expected = at::empty({8, 8, 3}, at::kFloat);
      applyView(store.pixels[order[i]].const_data_ptr<uint8_t>(), 8,
                drawViewParameters(random, 8, 8), 8, 8, table.const_data_ptr<float>(),
                expected.mutable_data_ptr<float>());
      CHECK(views[i / 5][view][i % 5].equal(expected.permute({2, 0, 1})));
    }
  }
}

TEST_CASE("an epoch that starts at a later batch has the batches of the whole one from there on") {
  const ImageStore store = noise(64);
  auto loader = loaderOf(store, 4, 1, 3);
  const auto whole = epochOf(loader, 2);
  auto resumed = loaderOf(store, 4, 1, 2);
  for (const int64_t first : {0, 1, 7, 15}) {
    resumed.startEpoch(2, first);
    for (int64_t batch = first; batch < 16; ++batch) CHECK(nextOf(resumed).equal(whole[batch]));
  }
  resumed.startEpoch(2, 16);  // it was interrupted after the last batch
  CHECK_THROWS_WITH(resumed.next(), doctest::Contains("no batch left"));
  CHECK(epochOf(resumed, 2).equal(whole));
}

TEST_CASE("views of more groups leave the first two as they are, and differ from them") {
  const ImageStore store = noise(20);
  auto two = loaderOf(store, 5, 9, 2);
  auto six = loaderOf(store, 5, 9, 2, {}, std::vector<ViewPlan>(6, ViewPlan{8}));
  const auto views = epochOf(six, 3);  // (batches, 6, B, …)
  CHECK(views.slice(1, 0, 2).equal(epochOf(two, 3)));
  for (int64_t view = 1; view < 6; ++view) {
    for (int64_t other = 0; other < view; ++other) {
      const auto differ = (views.select(1, view) != views.select(1, other)).flatten(2).any(2);
      CHECK(differ.all().item<bool>());
    }
  }
}

TEST_CASE("every view has its group's size, and is made at it") {
  const ImageStore store = noise(20);
  auto loader = loaderOf(store, 5, 9, 2, {}, {ViewPlan{8}, ViewPlan{12}, ViewPlan{5}});
  loader.startEpoch(1, 0);
  const auto views = loader.next();
  const auto order = shuffledIndices(20, 9, 1);
  const auto table = normalisedBytes(scaling(), at::kFloat);
  for (int64_t view = 0; view < 3; ++view) {
    const int64_t size = std::vector<int64_t>{8, 12, 5}[view];
    for (int64_t i = 0; i < 5; ++i) {
      const auto parameters = drawViewParameters(ViewKey{9, 1, order[i], view}, 8, 8);
      const auto expected = at::empty({size, size, 3}, at::kFloat);
      applyView(store.pixels[order[i]].const_data_ptr<uint8_t>(), 8, parameters, size, size,
                table.const_data_ptr<float>(), expected.mutable_data_ptr<float>());
      CHECK(views[view][i].equal(expected.permute({2, 0, 1})));
    }
  }
  CHECK(loader.pictureNumbers().equal(at::tensor(order, at::kLong).slice(0, 0, 5)));
}

TEST_CASE("if there is one view per picture, it is the first of the two") {
  const ImageStore store = noise(20);
  auto two = loaderOf(store, 5, 9, 2);
  auto one = loaderOf(store, 5, 9, 2, {}, {ViewPlan{8}});
  CHECK(epochOf(one, 3).equal(epochOf(two, 3).slice(1, 0, 1)));
}

TEST_CASE("the incomplete last batch is kept if that is asked for") {
  const ImageStore store = noise(23);
  auto dropping = loaderOf(store, 5, 9, 2);
  auto keeping = loaderOf(store, 5, 9, 3, {.keepIncompleteBatch = true});
  const auto whole = epochOf(dropping, 1);
  CHECK(keeping.batchesPerEpoch() == 5);
  keeping.startEpoch(1, 0);
  for (int64_t batch = 0; batch < 4; ++batch) CHECK(nextOf(keeping).equal(whole[batch]));
  CHECK(nextOf(keeping).size(1) == 3);

  auto single = loaderOf(store, 100, 9, 3, {.keepIncompleteBatch = true});
  CHECK(single.batchesPerEpoch() == 1);
  single.startEpoch(1, 0);
  CHECK(nextOf(single).size(1) == 23);
}

TEST_CASE("labels are those of the batch's pictures, in its order") {
  ImageStore store = noise(23);
  store.labels = at::arange(23);
  auto loader = loaderOf(store, 5, 9, 2, {.keepIncompleteBatch = true});
  const auto order = shuffledIndices(23, 9, 1);
  loader.startEpoch(1, 0);
  for (int64_t batch = 0; batch < 5; ++batch) {
    loader.next();
    const auto labels = loader.labels();
    CHECK(labels.size(0) == (batch < 4 ? 5 : 3));
    for (int64_t i = 0; i < labels.size(0); ++i) {
      CHECK(labels[i].item<int64_t>() == order[batch * 5 + i]);
    }
  }
}

TEST_CASE("an epoch can be left in the middle") {
  const ImageStore store = noise(64);
  auto loader = loaderOf(store, 4, 1, 3);
  loader.startEpoch(1, 0);
  loader.next();
  const auto whole = epochOf(loader, 2);
  auto fresh = loaderOf(store, 4, 1, 1);
  CHECK(whole.equal(epochOf(fresh, 2)));
}

TEST_CASE("views of pictures in a file are those of the same pictures in memory") {
  const ImageStore inMemory = noise(103);
  const PicturesInFile file(inMemory.pixels);
  auto one = loaderOf(inMemory, 10, 4, 2);
  auto other = loaderOf(file.store, 10, 4, 2);
  for (const uint32_t epoch : {1, 2}) CHECK(epochOf(one, epoch).equal(epochOf(other, epoch)));
}

TEST_CASE("a file that gets shorter while views are made is an error, and not the end") {
  const PicturesInFile file(noise(40).pixels);
  auto loader = loaderOf(file.store, 10, 4, 1);
  std::filesystem::resize_file(file.path, 100);
  loader.startEpoch(1, 0);
  CHECK_THROWS_WITH_AS(loader.next(), doctest::Contains("it ends too early"), Error);
}
