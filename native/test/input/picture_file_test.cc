#include "core/input/picture_file.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <vector>

#include "core/base/error.h"
#include "core/input/image_store.h"
#include "support/pictures_in_file.h"

using namespace moco;

namespace {

at::Tensor noise(int64_t count) { return at::randint(256, {count, 5, 5, 3}, at::kByte); }

}  // namespace

TEST_CASE("a store in a file gives the pictures that its rows name") {
  const auto pixels = noise(9);
  const PicturesInFile file(pixels);
  CHECK(file.store.count() == 9);
  CHECK(file.store.height() == 5);
  CHECK_FALSE(file.store.isResident());
  CHECK(file.store.slice(2, 6).equal(pixels.slice(0, 2, 6)));
  const auto numbers = at::tensor({8, 0, 8}, at::kLong);
  const auto selection = file.store.select(numbers);
  CHECK(selection.pixels.index_select(0, selection.numbers).equal(pixels.index_select(0, numbers)));
  CHECK(file.store.residentBytes() == 9 * 8);
}

TEST_CASE("a store in a file is carried to a device whole, in pieces") {
  const auto pixels = at::randint(256, {600, 224, 224, 3}, at::kByte);  // 90 MB: two pieces
  const PicturesInFile file(pixels);
  const ImageStore there = file.store.to(at::kCPU);
  CHECK(there.isResident());
  CHECK(there.pixels.equal(pixels));
}

TEST_CASE("what is to be fetched soon can be said of any pictures") {
  const PicturesInFile file(noise(9));
  const std::vector<int64_t> numbers{0, 8, 3};
  file.store.file->prefetch(numbers.data(), 3);
  file.store.file->prefetch(nullptr, 0);
}

TEST_CASE("a file that is missing, too short, or has no such picture is an error at once") {
  const PicturesInFile file(noise(9));
  const auto opening = [](const PictureFile::Place& place, std::vector<uint32_t> rows) {
    return [place, rows] { const PictureFile opened(place, rows); };
  };
  const PictureFile::Place place{file.path, 7, 75, 9};
  CHECK_NOTHROW(opening(place, {8})());
  CHECK_THROWS_WITH_AS(opening(place, {0, 9})(), doctest::Contains("no picture of that number"),
                       Error);
  CHECK_THROWS_WITH_AS(opening({file.path, 8, 75, 9}, {0})(), doctest::Contains("is shorter"),
                       Error);
  CHECK_THROWS_WITH_AS(opening({file.path + "x", 7, 75, 9}, {0})(),
                       doctest::Contains("No such file"), Error);
}

TEST_CASE("a file that gets shorter is an error when its pictures are read") {
  const PicturesInFile file(noise(9));
  std::filesystem::resize_file(file.path, 7 + 75);
  CHECK_NOTHROW(file.store.slice(8, 9));  // the file has it first
  CHECK_THROWS_WITH_AS(file.store.slice(0, 1), doctest::Contains("it ends too early"), Error);
}
