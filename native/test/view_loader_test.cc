#include "core/view_loader.h"

#include <doctest/doctest.h>

#include <set>

#include "core/augment.h"
#include "core/random.h"

using namespace moco;

namespace {

ImageStore noise(int64_t count) {
  return {at::randint(256, {count, 8, 8, 3}, at::kByte), at::zeros({count}, at::kLong), 10};
}

/// All views of an epoch, (batches, 2, B, H, W, 3).
at::Tensor epochOf(ViewLoader& loader, uint32_t epoch) {
  loader.startEpoch(epoch);
  std::vector<at::Tensor> batches;
  for (int64_t i = 0; i < loader.batchesPerEpoch(); ++i) batches.push_back(loader.next().clone());
  return at::stack(batches);
}

}  // namespace

TEST_CASE("views do not depend on the number of threads") {
  const ImageStore store = noise(103);
  ViewLoader one(store, 10, 4, 1);
  ViewLoader five(store, 10, 4, 5);
  const auto views = epochOf(one, 1);
  CHECK(views.size(0) == 10);  // the incomplete batch is left out
  CHECK(views.equal(epochOf(five, 1)));
  CHECK(epochOf(one, 2).equal(epochOf(five, 2)));
  CHECK_FALSE(views.equal(epochOf(one, 2)));
}

TEST_CASE("every picture is seen once, in two views drawn for it") {
  const ImageStore store = noise(20);
  ViewLoader loader(store, 5, 9, 2);
  const auto views = epochOf(loader, 3);
  const auto order = shuffledIndices(20, 9, 3);
  for (int64_t i = 0; i < 20; ++i) {
    for (uint32_t view = 0; view < 2; ++view) {
      Philox random(9, Purpose::kView, 3, static_cast<uint32_t>(order[i] * 2 + view));
      auto expected = at::empty({8, 8, 3}, at::kByte);
      applyView(store.pixels[order[i]].const_data_ptr<uint8_t>(), 8, 8,
                drawViewParameters(random, 8, 8), expected.mutable_data_ptr<uint8_t>());
      CHECK(views[i / 5][view][i % 5].equal(expected));
    }
  }
}

TEST_CASE("an epoch can be left in the middle") {
  const ImageStore store = noise(64);
  ViewLoader loader(store, 4, 1, 3);
  loader.startEpoch(1);
  loader.next();
  const auto whole = epochOf(loader, 2);
  ViewLoader fresh(store, 4, 1, 1);
  CHECK(whole.equal(epochOf(fresh, 2)));
}
