#include "core/input/pillow.h"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

#include "core/base/random.h"
#include "core/files/crc32.h"
#include "core/input/pillow_pixel.h"
#include "support/byte_table.h"
#include "support/fixtures.h"
#include "support/formula.h"
#include "support/pillow_plain.h"

using namespace moco;
namespace plain = moco::pillow::plain;

namespace {

using Bytes = std::vector<uint8_t>;

Bytes noise(int64_t pixels, uint64_t seed) {
  Philox random(seed, Purpose::kQueue);
  Bytes bytes(pixels * 3);
  for (auto& byte : bytes) byte = static_cast<uint8_t>(random.next());
  return bytes;
}

/// The 2¹⁶ colours with this value of red, in order: a picture of 256 × 256 pixels.
Bytes coloursWithRed(int red) {
  Bytes colours;
  for (int green = 0; green < 256; ++green) {
    for (int blue = 0; blue < 256; ++blue) {
      for (const int channel : {red, green, blue}) colours.push_back(static_cast<uint8_t>(channel));
    }
  }
  return colours;
}

/// The pixels interleaved.
Bytes bytesOf(const pillow::Planes& planes) {
  static const auto table = byteTable();
  std::vector<float> values(planes.pixels * 3);
  pillow::interleave(planes, table.data(), values.data());
  return {values.begin(), values.end()};
}

/// What `operation` makes of height × width interleaved pixels.
template <class Operation>
Bytes after(const Bytes& bytes, int64_t height, int64_t width, const Operation& operation) {
  const CropBox whole{0, 0, height, width};
  const pillow::PlanarPicture picture(height * width);
  pillow::CroppedRows(bytes.data(), width, whole, height, width, false).next(picture.all());
  operation(picture.all());
  return bytesOf(picture.all());
}

Bytes firstChannel(const Bytes& bytes) {
  Bytes result;
  for (size_t i = 0; i < bytes.size(); i += 3) result.push_back(bytes[i]);
  return result;
}

Bytes hueShifted(const Bytes& bytes, int64_t height, int64_t width, double shift) {
  return after(bytes, height, width, [&](const auto& planes) { pillow::adjustHue(planes, shift); });
}

/// The share of the colour circle that Pillow truncates to a hue shift of so many steps of 1/255.
double shareOf(int64_t steps) {
  const auto whole = static_cast<double>(steps > 127 ? steps - 256 : steps);
  return (whole + (whole < 0 ? -0.5 : 0.5)) / 255;
}

/// The crop resized, in two parts where it has more than one row.
Bytes resized(const Bytes& picture, const CropBox& crop, int64_t pictureWidth, int64_t height,
              int64_t width, bool flip, bool bicubic = false) {
  const pillow::PlanarPicture result(height * width);
  pillow::CroppedRows rows(picture.data(), pictureWidth, crop, height, width, flip, bicubic);
  const int64_t half = height / 2 * width;
  rows.next(result.part(0, half));
  rows.next(result.part(half, height * width - half));
  return bytesOf(result.all());
}

/// The picture of the fixtures `resize` and `blur`: (512, 512, 3).
at::Tensor resizePicture() {
  const auto noise = formula::bytes("resize.noise", {512, 512, 3});
  return at::where(noise < 43, 0, at::where(noise > 212, 255, noise)).to(at::kByte);
}

Bytes plainlyResized(const Bytes& picture, const CropBox& crop, int64_t pictureWidth,
                     int64_t height, int64_t width, bool flip) {
  Bytes result(height * width * 3);
  plain::cropAndResize(picture.data(), pictureWidth, crop, height, width, result.data());
  if (flip) plain::flipHorizontally(result.data(), height, width);
  return result;
}

}  // namespace

TEST_CASE("the hue of every colour is shifted as by Pillow") {
  const Fixture fixture = loadFixture("colour");
  const auto& shifts = fixture.at("hue_shift");
  const auto& sample = fixture.at("sample");
  const Bytes sampled(sample.const_data_ptr<uint8_t>(),
                      sample.const_data_ptr<uint8_t>() + sample.numel());
  for (int64_t i = 0; i < shifts.size(0); ++i) {
    INFO("shift ", shifts[i].item<int64_t>());
    const double share = shareOf(shifts[i].item<int64_t>());
    auto shifted = hueShifted(sampled, 1, sample.size(0), share);
    REQUIRE(at::from_blob(shifted.data(), sample.sizes(), at::kByte)
                .equal(fixture.at("sample_hue")[i]));
    uint32_t crc = 0;
    for (int red = 0; red < 256; ++red) {
      const Bytes bytes = hueShifted(coloursWithRed(red), 256, 256, share);
      crc = crc32(bytes.data(), bytes.size(), crc);
    }
    CHECK(crc == fixture.at("hue_crc32")[i].item<int64_t>());
  }
}

TEST_CASE("the luma of every colour is Pillow's") {
  uint32_t crc = 0;
  for (int red = 0; red < 256; ++red) {
    const Bytes grey = after(coloursWithRed(red), 256, 256, pillow::toGreyscale);
    const Bytes luma = firstChannel(grey);
    crc = crc32(luma.data(), luma.size(), crc);
  }
  CHECK(crc == loadFixture("colour").at("luma_crc32").item<int64_t>());
}

TEST_CASE("all pairs of bytes are blended as by Pillow") {
  const Fixture fixture = loadFixture("colour");
  const auto& factors = fixture.at("blend_factor");
  Bytes greys;
  for (int value = 0; value < 256; ++value) {
    greys.insert(greys.end(), 3, static_cast<uint8_t>(value));
  }
  for (int64_t i = 0; i < factors.size(0); ++i) {
    const auto factor = factors[i].item<float>();
    INFO("factor ", factor);
    uint32_t crc = 0;
    for (int from = 0; from < 256; ++from) {
      const Bytes blended = after(greys, 1, 256, [&](const auto& planes) {
        pillow::blendWithGrey(planes, static_cast<float>(from), factor);
      });
      const Bytes row = firstChannel(blended);
      crc = crc32(row.data(), row.size(), crc);
    }
    CHECK(crc == fixture.at("blend_crc32")[i].item<int64_t>());
  }
}

TEST_CASE("every colour's hue and saturation are adjusted as by the plain version") {
  for (int red = 0; red < 256; ++red) {
    INFO("red ", red);
    const Bytes colours = coloursWithRed(red);
    for (const int64_t steps : {-128, -1, 24}) {
      Bytes expected = colours;
      plain::adjustHue(expected.data(), 1 << 16, shareOf(steps));
      REQUIRE((hueShifted(colours, 256, 256, shareOf(steps)) == expected));
    }
    for (const float factor : {0.6f, 1.3333f}) {
      Bytes expected = colours;
      plain::adjustSaturation(expected.data(), 1 << 16, factor);
      const auto adjust = [&](const auto& planes) { pillow::adjustSaturation(planes, factor); };
      REQUIRE((after(colours, 256, 256, adjust) == expected));
    }
  }
}

TEST_CASE("pictures of all sizes are adjusted as by the plain version") {
  Philox random(7, Purpose::kView);
  for (int64_t width = 1; width <= 70; ++width) {
    INFO("width ", width);
    const Bytes bytes = noise(3 * width, width);
    const auto check = [&](const auto& operation, const auto& plainOperation) {
      Bytes expected = bytes;
      plainOperation(expected.data());
      CHECK((after(bytes, 3, width, operation) == expected));
    };
    const auto factor = static_cast<float>(random.uniform(0, 2));
    const double shift = random.uniform(-0.5, 0.5);
    check([&](const auto& planes) { pillow::blendWithGrey(planes, 0.0f, factor); },
          [&](uint8_t* pixels) { plain::adjustBrightness(pixels, 3 * width, factor); });
    const auto adjustContrast = [&](const pillow::Planes& planes) {
      const float grey = pillow::meanGrey(pillow::sumOfLuma(planes), planes.pixels);
      pillow::blendWithGrey(planes, grey, factor);
    };
    check(adjustContrast,
          [&](uint8_t* pixels) { plain::adjustContrast(pixels, 3 * width, factor); });
    check([&](const auto& planes) { pillow::adjustSaturation(planes, factor); },
          [&](uint8_t* pixels) { plain::adjustSaturation(pixels, 3 * width, factor); });
    check([&](const auto& planes) { pillow::adjustHue(planes, shift); },
          [&](uint8_t* pixels) { plain::adjustHue(pixels, 3 * width, shift); });
    check(pillow::toGreyscale, [&](uint8_t* pixels) { plain::toGreyscale(pixels, 3 * width); });
  }
}

TEST_CASE("every crop size is resized to every size as by the plain version") {
  const int64_t largest = 48;
  const Bytes picture = noise(largest * largest, 1);
  for (int64_t output = 1; output <= largest; ++output) {
    for (int64_t input = 1; input <= largest; ++input) {
      INFO("height ", input, " to ", output);
      // Height and width differ, so that one cannot be taken for the other.
      const int64_t cropWidth = largest - input + 1;
      const CropBox crop{largest - input, (largest - cropWidth) / 2, input, cropWidth};
      const bool flip = (input + output) % 2 == 0;
      for (const int64_t width : {40, 7}) {
        CHECK((resized(picture, crop, largest, output, width, flip) ==
               plainlyResized(picture, crop, largest, output, width, flip)));
      }
    }
  }
}

TEST_CASE("large crops are resized as by the plain version") {
  const Bytes picture = noise(300 * 500, 2);
  const std::vector<std::pair<int64_t, int64_t>> sizes{{301, 509}, {224, 224}, {31, 600}, {1, 2}};
  for (const CropBox& crop : {CropBox{0, 0, 300, 500}, CropBox{17, 3, 283, 111},
                              CropBox{299, 499, 1, 1}, CropBox{50, 60, 97, 251}}) {
    for (const auto& [height, width] : sizes) {
      CHECK((resized(picture, crop, 500, height, width, true) ==
             plainlyResized(picture, crop, 500, height, width, true)));
    }
  }
}

TEST_CASE("crops of every size are resized to every size as by Pillow") {
  const Fixture fixture = loadFixture("resize");
  const auto picture = resizePicture();
  const Bytes bytes(picture.const_data_ptr<uint8_t>(),
                    picture.const_data_ptr<uint8_t>() + picture.numel());
  const auto& cases = fixture.at("case");
  for (int64_t i = 0; i < cases.size(0); ++i) {
    const auto* sizes = cases[i].const_data_ptr<int64_t>();
    INFO(sizes[2], " x ", sizes[3], " to ", sizes[4], " x ", sizes[5]);
    const CropBox crop{sizes[0], sizes[1], sizes[2], sizes[3]};
    const Bytes made = resized(bytes, crop, 512, sizes[4], sizes[5], false);
    CHECK(crc32(made.data(), made.size()) == fixture.at("crc32")[i].item<int64_t>());
    const Bytes plainly = plainlyResized(bytes, crop, 512, sizes[4], sizes[5], false);
    CHECK(crc32(plainly.data(), plainly.size()) == fixture.at("crc32")[i].item<int64_t>());
    const Bytes bicubic = resized(bytes, crop, 512, sizes[4], sizes[5], false, true);
    CHECK(crc32(bicubic.data(), bicubic.size()) == fixture.at("bicubic_crc32")[i].item<int64_t>());
  }
}

TEST_CASE("pictures of all sizes are blurred by every width as by Pillow") {
  const Fixture fixture = loadFixture("blur");
  const auto picture = resizePicture();
  for (int64_t i = 0; i < fixture.at("crc32").size(0); ++i) {
    const auto height = fixture.at("size")[i][0].item<int64_t>();
    const auto width = fixture.at("size")[i][1].item<int64_t>();
    const auto sigma = fixture.at("sigma")[i].item<double>();
    INFO(height, " x ", width, " by ", sigma);
    const auto part = picture.slice(0, 0, height).slice(1, 0, width).contiguous();
    const Bytes bytes(part.const_data_ptr<uint8_t>(),
                      part.const_data_ptr<uint8_t>() + part.numel());
    const pillow::PlanarPicture planar(height * width);
    pillow::CroppedRows(bytes.data(), width, {0, 0, height, width}, height, width, false)
        .next(planar.all());
    pillow::blur(planar, height, width, pillow::boxBlurOf(sigma));
    const Bytes blurred = bytesOf(planar.all());
    CHECK(crc32(blurred.data(), blurred.size()) == fixture.at("crc32")[i].item<int64_t>());
  }
}

TEST_CASE("values from 128 on are inverted, as by Pillow") {
  Bytes values;
  for (int value = 0; value < 256; ++value)
    values.insert(values.end(), 3, static_cast<uint8_t>(value));
  const Bytes solarised = firstChannel(after(values, 1, 256, pillow::solarise));
  for (int value = 0; value < 256; ++value) {
    CHECK(solarised[value] == (value < 128 ? value : 255 - value));
  }
}
