#include "core/base/random.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "core/input/view_parameters.h"

using namespace moco;

TEST_CASE("Philox gives the numbers of its paper's reference implementation") {
  // The known answer of Random123 (the reference implementation) for counter 0 and key 0. With a
  // purpose of zero the whole counter is zero.
  Philox random(0, static_cast<Purpose>(0));
  CHECK(random.next() == 0x6627e8d5u);
  CHECK(random.next() == 0xe169c58du);
  CHECK(random.next() == 0xbc57ac4cu);
  CHECK(random.next() == 0x9b00dbd8u);
}

TEST_CASE("uniform numbers fill [0, 1) evenly") {
  Philox random(7, Purpose::kView);
  constexpr int kCount = 100000;
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < kCount; ++i) {
    const double value = random.uniform();
    REQUIRE(value >= 0);
    REQUIRE(value < 1);
    sum += value;
    squares += value * value;
  }
  // Five standard errors of the mean of a uniform variable and of its square.
  CHECK(std::abs(sum / kCount - 1.0 / 2) < 5 * 0.289 / std::sqrt(kCount));
  CHECK(std::abs(squares / kCount - 1.0 / 3) < 5 * 0.298 / std::sqrt(kCount));
}

TEST_CASE("a shuffle holds every picture once and depends on seed and epoch") {
  const auto order = shuffledIndices(1000, 5, 1);
  auto sorted = order;
  std::sort(sorted.begin(), sorted.end());
  std::vector<int64_t> all(1000);
  std::iota(all.begin(), all.end(), 0);
  CHECK(sorted == all);
  CHECK(order != all);
  CHECK(order == shuffledIndices(1000, 5, 1));
  CHECK(order != shuffledIndices(1000, 5, 2));
  CHECK(order != shuffledIndices(1000, 6, 1));
}

TEST_CASE("a shuffle in windows holds every picture once, and in a window few places of the disk") {
  constexpr int64_t kCount = 10'000;
  constexpr int64_t kWindow = 4 * kShuffledRun;
  const auto order = shuffledInWindows(kCount, kWindow, 7, 3);
  CHECK(order == shuffledInWindows(kCount, kWindow, 7, 3));
  CHECK(order != shuffledInWindows(kCount, kWindow, 7, 4));
  CHECK(order != shuffledInWindows(kCount, kWindow, 8, 3));
  auto sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (int64_t i = 0; i < kCount; ++i) REQUIRE(sorted[i] == i);
  int64_t neighbours = 0;
  for (int64_t begin = 0; begin < kCount; begin += kWindow) {
    std::set<int64_t> runs;
    for (int64_t i = begin; i < std::min(begin + kWindow, kCount); ++i) {
      runs.insert(order[i] / kShuffledRun);
      neighbours += i > begin && order[i] == order[i - 1] + 1 ? 1 : 0;
    }
    CHECK(runs.size() <= 5);  // a short last run may shift the others by a part of one
  }
  CHECK(neighbours < kCount / 100);
}

TEST_CASE("views are drawn with the reference's distributions") {
  constexpr int kCount = 40000;
  int flips = 0;
  int jitters = 0;
  int greys = 0;
  double area = 0;
  double smallest = 1;
  std::array<int, 4> first{};
  for (int i = 0; i < kCount; ++i) {
    Philox random(1, Purpose::kView, 1, i);
    const ViewParameters view = drawViewParameters(random, 32, 32);
    const CropBox& crop = view.crop;
    REQUIRE(crop.height >= 1);
    REQUIRE(crop.width >= 1);
    REQUIRE(crop.top >= 0);
    REQUIRE(crop.left >= 0);
    REQUIRE(crop.top + crop.height <= 32);
    REQUIRE(crop.left + crop.width <= 32);
    REQUIRE(std::abs(view.colour.brightness - 1) <= 0.4001);
    REQUIRE(std::abs(view.colour.hue) <= 0.1);
    const double share = static_cast<double>(crop.height * crop.width) / (32 * 32);
    area += share;
    smallest = std::min(smallest, share);
    flips += view.flip;
    jitters += view.jitter;
    greys += view.greyscale;
    ++first[static_cast<size_t>(view.colour.order[0])];
  }
  const auto isShare = [&](int hits, double p) {
    return std::abs(hits - p * kCount) < 5 * std::sqrt(p * (1 - p) * kCount);
  };
  CHECK(isShare(flips, 0.5));
  CHECK(isShare(jitters, 0.8));
  CHECK(isShare(greys, 0.2));
  for (const int count : first) CHECK(isShare(count, 0.25));
  // A crop that does not fit is drawn again, which favours small crops. For torchvision's loop the
  // crop's share of the picture has a mean of 0.490 and a standard deviation of 0.241 (200,000
  // draws in plain Python).
  CHECK(std::abs(area / kCount - 0.490) < 5 * 0.241 / std::sqrt(kCount) + 0.001);
  CHECK(smallest < 0.1);
  CHECK(smallest > 0.06);
}

TEST_CASE("a picture too long for every crop gets the widest centred crop of an allowed ratio") {
  // A picture of 3 × 300 pixels: a crop of at least 72 pixels (8 %) whose ratio of width to height
  // is at most 4/3 would have to be more than 3 pixels high.
  Philox random(1, Purpose::kView);
  const CropBox crop = drawViewParameters(random, 3, 300).crop;
  CHECK(crop.height == 3);
  CHECK(crop.width == 4);
  CHECK(crop.top == 0);
  CHECK(crop.left == 148);
}
