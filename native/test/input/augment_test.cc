#include "core/input/augment.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "core/base/random.h"
#include "core/files/crc32.h"
#include "core/input/image_store.h"
#include "core/input/pillow.h"
#include "support/byte_table.h"
#include "support/fixtures.h"
#include "support/pillow_plain.h"

using namespace moco;
namespace plain = moco::pillow::plain;

namespace {

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

/// The same of a fixture whose views are also blurred, solarised, or resized bicubically.
ViewParameters pipelineParameters(const Fixture& fixture, int64_t i) {
  ViewParameters view = viewParameters(fixture, i);
  view.bicubic = fixture.at("bicubic")[i].item<int64_t>() != 0;
  const auto sigma = fixture.at("sigma")[i].item<double>();
  view.blur = sigma > 0;
  if (view.blur) view.box = pillow::boxBlurOf(sigma);
  view.solarise = fixture.at("solarise")[i].item<int64_t>() != 0;
  return view;
}

/// The view that the plain arithmetic makes.
std::vector<uint8_t> plainView(const uint8_t* picture, int64_t pictureWidth,
                               const ViewParameters& view, int64_t height, int64_t width) {
  const int64_t count = height * width;
  std::vector<uint8_t> pixels(count * 3);
  plain::cropAndResize(picture, pictureWidth, view.crop, height, width, pixels.data());
  if (view.flip) plain::flipHorizontally(pixels.data(), height, width);
  for (const JitterOperation operation : view.colour.order) {
    if (!view.jitter) break;
    switch (operation) {
      case JitterOperation::kBrightness:
        plain::adjustBrightness(pixels.data(), count, view.colour.brightness);
        break;
      case JitterOperation::kContrast:
        plain::adjustContrast(pixels.data(), count, view.colour.contrast);
        break;
      case JitterOperation::kSaturation:
        plain::adjustSaturation(pixels.data(), count, view.colour.saturation);
        break;
      case JitterOperation::kHue:
        plain::adjustHue(pixels.data(), count, view.colour.hue);
        break;
      case JitterOperation::kNone:
        break;
    }
  }
  if (view.greyscale) plain::toGreyscale(pixels.data(), count);
  return pixels;
}

}  // namespace

TEST_CASE("views are Pillow's, byte for byte") {
  const Fixture fixture = loadFixture("augment");
  const auto& views = fixture.at("views");
  const auto table = byteTable();
  for (int64_t i = 0; i < fixture.at("crc32").size(0); ++i) {
    INFO("case ", i);
    const auto picture = fixture.at("pictures")[fixture.at("picture")[i].item<int64_t>()];
    const auto made = at::empty({32, 32, 3}, at::kFloat);
    applyView(picture.contiguous().const_data_ptr<uint8_t>(), 32, viewParameters(fixture, i), 32,
              32, table.data(), made.mutable_data_ptr<float>());
    const auto view = made.to(at::kByte);
    if (i < views.size(0)) {
      CHECK((view.to(at::kInt) - views[i].to(at::kInt)).abs().max().item<int>() == 0);
    }
    CHECK(crc32(view.const_data_ptr<uint8_t>(), view.numel()) ==
          fixture.at("crc32")[i].item<int64_t>());
  }
}

TEST_CASE("views of published pipelines are Pillow's, byte for byte") {
  const Fixture fixture = loadFixture("pipelines");
  const auto pictures = loadFixture("augment").at("pictures");
  const auto table = byteTable();
  for (int64_t i = 0; i < fixture.at("crc32").size(0); ++i) {
    INFO("case ", i);
    const auto picture = pictures[fixture.at("picture")[i].item<int64_t>()].contiguous();
    const auto size = fixture.at("size")[i].item<int64_t>();
    const auto made = at::empty({size, size, 3}, at::kFloat);
    applyView(picture.const_data_ptr<uint8_t>(), 32, pipelineParameters(fixture, i), size, size,
              table.data(), made.mutable_data_ptr<float>());
    const auto view = made.to(at::kByte);
    CHECK(crc32(view.const_data_ptr<uint8_t>(), view.numel()) ==
          fixture.at("crc32")[i].item<int64_t>());
  }
}

TEST_CASE("views of any size are those of the plain arithmetic, byte for byte") {
  struct Sizes {
    int64_t height, width, viewHeight, viewWidth;
  };
  const auto table = byteTable();
  for (const auto& [height, width, viewHeight, viewWidth] : {Sizes{32, 32, 32, 32},
                                                             {1, 1, 1, 1},
                                                             {17, 23, 17, 23},
                                                             {40, 9, 40, 9},
                                                             {96, 96, 96, 96},
                                                             {72, 72, 64, 64},
                                                             {32, 32, 70, 50},
                                                             {100, 90, 32, 32},
                                                             {256, 256, 224, 224}}) {
    INFO(height, " x ", width, " to ", viewHeight, " x ", viewWidth);
    const auto pictures = at::randint(256, {100, height, width, 3}, at::kByte);
    for (uint32_t i = 0; i < 100; ++i) {
      Philox random(3, Purpose::kView, 0, i);
      const ViewParameters view = drawViewParameters(random, height, width);
      const auto* picture = pictures[i].const_data_ptr<uint8_t>();
      std::vector<float> made(viewHeight * viewWidth * 3);
      applyView(picture, width, view, viewHeight, viewWidth, table.data(), made.data());
      const auto expected = plainView(picture, width, view, viewHeight, viewWidth);
      CHECK(std::equal(made.begin(), made.end(), expected.begin(), expected.end()));
    }
  }
}

TEST_CASE("every byte is normalised as by torchvision, bit for bit") {
  const auto bytes = at::arange(256).to(at::kByte).view({1, 256, 1, 1}).expand({1, 256, 1, 3});
  const Normalisation cifar10{at::tensor({.4914f, .4822f, .4465f}),
                              at::tensor({.2023f, .1994f, .2010f})};
  const auto table = normalise(bytes.contiguous(), cifar10, at::kFloat);  // (1, 3, 256, 1)
  CHECK(table.view({3, 256}).equal(loadFixture("augment").at("normalised")));
}
