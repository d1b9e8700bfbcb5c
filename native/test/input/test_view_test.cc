#include "core/input/test_view.h"

#include <doctest/doctest.h>

#include <cstring>

#include "support/pillow_plain.h"

using namespace moco;

namespace {

at::Tensor noise(int64_t count, int64_t height, int64_t width) {
  return at::randint(256, {count, height, width, 3}, at::kByte);
}

at::Tensor viewsOf(const at::Tensor& pictures, int64_t imageSize, double cropShare) {
  return testViews(pictures, {.normalisation = {}, .imageSize = imageSize, .cropShare = cropShare});
}

/// What the plain arithmetic makes of a square in each picture.
at::Tensor plainViews(const at::Tensor& pictures, int64_t top, int64_t left, int64_t side,
                      int64_t imageSize) {
  const auto views = at::empty({pictures.size(0), imageSize, imageSize, 3}, at::kByte);
  for (int64_t i = 0; i < pictures.size(0); ++i) {
    pillow::plain::cropAndResize(pictures[i].const_data_ptr<uint8_t>(), pictures.size(2),
                                 {top, left, side, side}, imageSize, imageSize,
                                 views[i].mutable_data_ptr<uint8_t>());
  }
  return views;
}

}  // namespace

TEST_CASE("a test view of the pictures' own size is the picture, in the same memory") {
  const auto pictures = noise(3, 8, 8);
  const auto views = viewsOf(pictures, 8, 1);
  CHECK(views.equal(pictures));
  CHECK(views.is_alias_of(pictures));
}

TEST_CASE("a test view that needs no resizing is the centred square, in the same memory") {
  const auto pictures = noise(3, 72, 72);
  const auto views = viewsOf(pictures, 64, 64.0 / 72);
  CHECK(views.equal(pictures.slice(1, 4, 68).slice(2, 4, 68)));
  CHECK(views.is_alias_of(pictures));
  const auto wide = noise(2, 32, 50);
  CHECK(viewsOf(wide, 32, 1).equal(wide.slice(2, 9, 41)));
}

TEST_CASE("a test view is the centred square, resized as by Pillow") {
  const auto pictures = noise(5, 72, 72);
  CHECK(viewsOf(pictures, 32, 1).equal(plainViews(pictures, 0, 0, 72, 32)));
  CHECK(viewsOf(pictures, 96, 0.875).equal(plainViews(pictures, 4, 4, 63, 96)));
  const auto tall = noise(2, 90, 61);
  CHECK(viewsOf(tall, 40, 0.5).equal(plainViews(tall, 30, 15, 30, 40)));  // halves to even
}

TEST_CASE("a test view has at least one pixel of the picture to look at") {
  const auto pictures = noise(2, 8, 8);
  CHECK(viewsOf(pictures, 4, 0.01).equal(plainViews(pictures, 3, 3, 1, 4)));
}

TEST_CASE("no pictures have no test views") { CHECK(viewsOf(noise(0, 8, 8), 4, 1).size(0) == 0); }
