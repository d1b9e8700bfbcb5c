#include "core/augment.h"

#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

#include "core/image_store.h"
#include "core/pillow.h"
#include "fixtures.h"

using namespace moco;

namespace {

/// CRC-32 as zlib computes it.
uint32_t crc32(const uint8_t* data, size_t size) {
  uint32_t crc = ~0u;
  for (size_t i = 0; i < size; ++i) {
    crc ^= data[i];
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1)));
  }
  return ~crc;
}

uint32_t crc32(const std::vector<uint8_t>& data) { return crc32(data.data(), data.size()); }

/// Row `i` of the fixture's view parameters.
ViewParameters viewParameters(const Fixture& fixture, int64_t i) {
  const auto integer = [&](const char* key, int64_t column) {
    return fixture.at(key)[i][column].item<int64_t>();
  };
  const auto factor = [&](int64_t column) {
    return fixture.at("factors")[i][column].item<double>();
  };
  ViewParameters view{};
  view.crop = {integer("box", 0), integer("box", 1), integer("box", 2), integer("box", 3)};
  view.flip = fixture.at("flip")[i].item<int64_t>() != 0;
  view.jitter = fixture.at("jitter")[i].item<int64_t>() != 0;
  for (int64_t turn = 0; turn < 4; ++turn) {
    view.colour.order[turn] = static_cast<JitterOperation>(integer("order", turn));
  }
  view.colour.brightness = static_cast<float>(factor(0));
  view.colour.contrast = static_cast<float>(factor(1));
  view.colour.saturation = static_cast<float>(factor(2));
  view.colour.hue = factor(3);
  view.greyscale = fixture.at("greyscale")[i].item<int64_t>() != 0;
  return view;
}

/// All 2²⁴ colours, in order.
std::vector<uint8_t> allColours() {
  std::vector<uint8_t> colours(size_t{3} << 24);
  for (uint32_t i = 0; i < 1u << 24; ++i) {
    colours[3 * i] = static_cast<uint8_t>(i >> 16);
    colours[3 * i + 1] = static_cast<uint8_t>(i >> 8);
    colours[3 * i + 2] = static_cast<uint8_t>(i);
  }
  return colours;
}

/// A hue shift in steps of 1/255 as the share of the circle that truncates to it.
double shareOf(int64_t steps) {
  const auto whole = static_cast<double>(steps > 127 ? steps - 256 : steps);
  return (whole + (whole < 0 ? -0.5 : 0.5)) / 255;
}

}  // namespace

TEST_CASE("views are Pillow's, byte for byte") {
  const Fixture fixture = loadFixture("augment");
  const auto& views = fixture.at("views");
  for (int64_t i = 0; i < fixture.at("crc32").size(0); ++i) {
    INFO("case ", i);
    const auto picture = fixture.at("pictures")[fixture.at("picture")[i].item<int64_t>()];
    auto view = at::empty({32, 32, 3}, at::kByte);
    applyView(picture.contiguous().const_data_ptr<uint8_t>(), 32, 32, viewParameters(fixture, i),
              view.mutable_data_ptr<uint8_t>());
    if (i < views.size(0)) {
      CHECK((view.to(at::kInt) - views[i].to(at::kInt)).abs().max().item<int>() == 0);
    }
    CHECK(crc32(view.const_data_ptr<uint8_t>(), view.numel()) ==
          fixture.at("crc32")[i].item<int64_t>());
  }
}

TEST_CASE("the hue of every colour is shifted as by Pillow") {
  const Fixture fixture = loadFixture("colour");
  const auto& shifts = fixture.at("hue_shift");
  const auto colours = allColours();
  for (int64_t i = 0; i < shifts.size(0); ++i) {
    INFO("shift ", shifts[i].item<int64_t>());
    const double share = shareOf(shifts[i].item<int64_t>());
    auto sample = fixture.at("sample").clone();
    pillow::adjustHue(sample.mutable_data_ptr<uint8_t>(), sample.size(0), share);
    REQUIRE(sample.equal(fixture.at("sample_hue")[i]));
    auto shifted = colours;
    pillow::adjustHue(shifted.data(), 1 << 24, share);
    CHECK(crc32(shifted) == fixture.at("hue_crc32")[i].item<int64_t>());
  }
}

TEST_CASE("the luma of every colour is Pillow's") {
  const auto colours = allColours();
  std::vector<uint8_t> luma(1 << 24);
  for (size_t i = 0; i < luma.size(); ++i) luma[i] = pillow::luma(&colours[3 * i]);
  CHECK(crc32(luma) == loadFixture("colour").at("luma_crc32").item<int64_t>());
}

TEST_CASE("all pairs of bytes are blended as by Pillow") {
  const Fixture fixture = loadFixture("colour");
  const auto& factors = fixture.at("blend_factor");
  for (int64_t i = 0; i < factors.size(0); ++i) {
    const auto factor = factors[i].item<float>();
    INFO("factor ", factor);
    std::vector<uint8_t> blended;
    for (int from = 0; from < 256; ++from) {
      for (int to = 0; to < 256; ++to) {
        blended.push_back(
            pillow::blend(static_cast<uint8_t>(from), static_cast<uint8_t>(to), factor));
      }
    }
    CHECK(crc32(blended) == fixture.at("blend_crc32")[i].item<int64_t>());
  }
}

TEST_CASE("every byte is normalised as by torchvision, bit for bit") {
  const auto bytes = at::arange(256).to(at::kByte).view({1, 256, 1, 1}).expand({1, 256, 1, 3});
  const Normalisation cifar10{at::tensor({.4914f, .4822f, .4465f}),
                              at::tensor({.2023f, .1994f, .2010f})};
  const auto table = normalise(bytes.contiguous(), cifar10, at::kFloat);  // (1, 3, 256, 1)
  CHECK(table.view({3, 256}).equal(loadFixture("augment").at("normalised")));
}
