#include "core/input/image_store.h"

#include <doctest/doctest.h>

#include <vector>

#include "core/base/error.h"

using namespace moco;

TEST_CASE("planar pictures become interleaved ones") {
  const std::vector<uint8_t> planar{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};  // R R R R G G …, 2 × 2
  const uint8_t label = 3;
  const ImageStore store = makeImageStore(planar.data(), &label, 1, 2, 2, 10);
  const std::vector<uint8_t> interleaved{1, 5, 9, 2, 6, 10, 3, 7, 11, 4, 8, 12};
  CHECK(store.pixels.flatten().equal(at::tensor(interleaved, at::kByte)));
  CHECK(store.labels.equal(at::tensor({3}, at::kLong)));
}

TEST_CASE("a label that no class has is an error that names the picture") {
  const std::vector<uint8_t> planar(2 * 3, 0);
  const std::vector<uint8_t> labels{0, 10};
  CHECK_THROWS_WITH_AS(makeImageStore(planar.data(), labels.data(), 2, 1, 1, 10),
                       doctest::Contains("picture 1 has label 10"), Error);
}

TEST_CASE("normalisation is ToTensor's and Normalize's") {
  const Normalisation normalisation{at::tensor({.5f, .4f, .3f}), at::tensor({.2f, .25f, .1f})};
  const auto pictures = at::randint(256, {2, 4, 5, 3}, at::kByte);
  const auto result = normalise(pictures, normalisation, at::kFloat);
  CHECK(result.sizes() == at::IntArrayRef({2, 3, 4, 5}));
  CHECK(result.is_contiguous(at::MemoryFormat::ChannelsLast));
  const auto blue = pictures.select(3, 2).to(at::kFloat).div(255).sub(.3f).div(.1f);
  CHECK(result.select(1, 2).equal(blue));
}
