#include "core/input/image_store.h"

#include <doctest/doctest.h>

#include <vector>

#include "core/base/error.h"

using namespace moco;

TEST_CASE("a store has copies of its own of pictures and labels") {
  const std::vector<uint8_t> given{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};  // R G B R …, 2 × 2
  std::vector<uint8_t> pixels = given;
  int32_t label = 3;
  const ImageStore store = makeImageStore(pixels.data(), &label, 1, 2, 2, 10);
  pixels.assign(pixels.size(), 0);
  label = 0;
  CHECK(store.pixels.sizes() == at::IntArrayRef({1, 2, 2, 3}));
  CHECK(store.pixels.flatten().equal(at::tensor(given, at::kByte)));
  CHECK(store.labels.equal(at::tensor({3}, at::kLong)));
}

TEST_CASE("a label that stands for no class is an error that names the picture") {
  const std::vector<uint8_t> pixels(2 * 3, 0);
  for (const int32_t wrong : {300, -2}) {
    const std::vector<int32_t> labels{-1, wrong};
    CHECK_THROWS_WITH_AS(
        makeImageStore(pixels.data(), labels.data(), 2, 1, 1, 300),
        doctest::Contains(("picture 1 has label " + std::to_string(wrong)).c_str()), Error);
  }
}

TEST_CASE("a picture may have no label, and there may be more classes than a byte can count") {
  const std::vector<uint8_t> pixels(2 * 3, 0);
  const std::vector<int32_t> labels{-1, 299};
  const ImageStore store = makeImageStore(pixels.data(), labels.data(), 2, 1, 1, 300);
  CHECK(store.labels.equal(at::tensor({-1, 299}, at::kLong)));
}

TEST_CASE("pictures are normalised as by torchvision's ToTensor and Normalize") {
  const Normalisation normalisation{at::tensor({.5f, .4f, .3f}), at::tensor({.2f, .25f, .1f})};
  const auto pictures = at::randint(256, {2, 4, 5, 3}, at::kByte);
  const auto result = normalise(pictures, normalisation, at::kFloat);
  CHECK(result.sizes() == at::IntArrayRef({2, 3, 4, 5}));
  CHECK(result.is_contiguous(at::MemoryFormat::ChannelsLast));
  const auto blue = pictures.select(3, 2).to(at::kFloat).div(255).sub(.3f).div(.1f);
  CHECK(result.select(1, 2).equal(blue));
}
