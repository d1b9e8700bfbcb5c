#include "core/pillow.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace moco::pillow {
namespace {

constexpr int kChannels = 3;

// --- Resampling ---------------------------------------------------------------------------------

constexpr int kPrecisionBits = 22;
constexpr int32_t kHalf = 1 << (kPrecisionBits - 1);

/// The two neighbours that an output lies between, and the fixed-point weight of the second.
struct Taps {
  int32_t first, second, weight;
};

/// The taps of every output, for `input` samples stretched to `output`, which is no less.
std::vector<Taps> bilinearTaps(int64_t input, int64_t output) {
  std::vector<Taps> taps(output);
  const double scale = static_cast<double>(input) / static_cast<double>(output);
  const auto last = static_cast<int32_t>(input - 1);
  for (int64_t i = 0; i < output; ++i) {
    const double position = (static_cast<double>(i) + 0.5) * scale - 0.5;  // at least −0.5
    const int32_t first = static_cast<int32_t>(position + 1.0) - 1;
    const double fraction = position - first;
    taps[i] = {std::max(first, 0), std::min(first + 1, last),
               static_cast<int32_t>(0.5 + fraction * (1 << kPrecisionBits))};
  }
  return taps;
}

/// Both neighbours by their weights, rounded. One product is enough, since Pillow's two rounded
/// weights add up to 1 << kPrecisionBits: they would not for halves of 2⁻²², and a fraction is a
/// multiple of 1 / (2 · output).
int32_t interpolate(int32_t first, int32_t second, int32_t weight) {
  return first + (((second - first) * weight + kHalf) >> kPrecisionBits);
}

/// Three planes of a row of `columns.size()` pixels, from one interleaved row.
void stretchRow(const uint8_t* row, const std::vector<Taps>& columns, int32_t* target) {
  const auto width = static_cast<int64_t>(columns.size());
  for (int64_t x = 0; x < width; ++x) {
    const Taps taps = columns[x];
    const uint8_t* first = row + taps.first * kChannels;
    const uint8_t* second = row + taps.second * kChannels;
    for (int channel = 0; channel < kChannels; ++channel) {
      target[channel * width + x] = interpolate(first[channel], second[channel], taps.weight);
    }
  }
}

/// A row between two others.
void interpolateRows(const int32_t* first, const int32_t* second, int32_t weight, int64_t count,
                     float* target) {
  for (int64_t x = 0; x < count; ++x) {
    target[x] = static_cast<float>(interpolate(first[x], second[x], weight));
  }
}

// --- Colour -------------------------------------------------------------------------------------

float truncate(float value) { return static_cast<float>(static_cast<int32_t>(value)); }

float clamp(float value, float low, float high) { return std::min(std::max(value, low), high); }

/// 16-bit fixed point, rounded. Exact in floats: every sum is a whole number below 2²⁴.
float luma(float red, float green, float blue) {
  return truncate((19595.0f * red + 38470.0f * green + 7471.0f * blue + 32768.0f) * 0x1p-16f);
}

float blend(float from, float to, float factor) {
  return truncate(clamp(from + factor * (to - from), 0.0f, 255.0f));
}

struct Hsv {
  float hue, saturation, value;
};

/// 8-bit HSV. A grey colour's hue is of no account, since its saturation is 0.
Hsv toHsv(float red, float green, float blue) {
  const float largest = std::max(std::max(red, green), blue);
  const float smallest = std::min(std::min(red, green), blue);
  const float middle = red + green + blue - largest - smallest;
  const float range = largest - smallest;
  const float saturation = truncate(range / std::max(largest, 1.0f) * 255.0f);
  // Where the two larger channels are equal the hue is an odd number of sextants, `anchor`; from
  // there it leans towards the largest. The order of the roundings matters: with 1/6 as a factor,
  // or 5 in place of −1, some colours get another byte than from Pillow.
  const float anchor = blue == smallest  ? 1.0f
                       : red == smallest ? 3.0f
                       : red == largest  ? -1.0f
                                         : 5.0f;
  const float before = blue == smallest ? red : red == smallest ? green : blue;
  const float lean = (largest - middle) / std::max(range, 1.0f);
  const float turn = (anchor + (before == largest ? -lean : lean)) / 6.0f;
  return {truncate((turn < 0.0f ? turn + 1.0f : turn) * 255.0f), saturation, largest};
}

/// One channel of a colour: its value less the share that it lacks.
/// @param distance  how far the hue is from those that lack nothing of the channel; 85 a sextant,
///                  beyond which nothing more is lacking
float channelOf(const Hsv& hsv, float distance) {
  const float lack = hsv.saturation * clamp(distance, 0.0f, 85.0f) * (1.0f / (255 * 85));
  return truncate(hsv.value - hsv.value * lack + 0.5f);
}

}  // namespace

PlanarPicture cropAndResize(const uint8_t* picture, int64_t pictureWidth, const CropBox& crop,
                            int64_t height, int64_t width, bool flip) {
  auto columns = bilinearTaps(crop.width, width);
  if (flip) std::reverse(columns.begin(), columns.end());
  const int64_t rowLength = width * kChannels;
  const auto stretched = std::make_unique_for_overwrite<int32_t[]>(crop.height * rowLength);
  for (int64_t y = 0; y < crop.height; ++y) {
    stretchRow(picture + ((crop.top + y) * pictureWidth + crop.left) * kChannels, columns,
               &stretched[y * rowLength]);
  }
  PlanarPicture result(height, width);
  const auto rows = bilinearTaps(crop.height, height);
  for (int64_t y = 0; y < height; ++y) {
    const int32_t* first = &stretched[rows[y].first * rowLength];
    const int32_t* second = &stretched[rows[y].second * rowLength];
    int64_t plane = 0;
    for (float* target : {result.red(), result.green(), result.blue()}) {
      interpolateRows(first + plane, second + plane, rows[y].weight, width, target + y * width);
      plane += width;
    }
  }
  return result;
}

void interleave(const PlanarPicture& picture, uint8_t* target) {
  const float* red = picture.red();
  const float* green = picture.green();
  const float* blue = picture.blue();
  for (int64_t i = 0; i < picture.pixels(); ++i) {
    target[3 * i] = static_cast<uint8_t>(red[i]);
    target[3 * i + 1] = static_cast<uint8_t>(green[i]);
    target[3 * i + 2] = static_cast<uint8_t>(blue[i]);
  }
}

void blendWithGrey(PlanarPicture& picture, float grey, float factor) {
  for (float& value : picture.values()) value = blend(grey, value, factor);
}

void adjustBrightness(PlanarPicture& picture, float factor) {
  blendWithGrey(picture, 0.0f, factor);
}

void adjustContrast(PlanarPicture& picture, float factor) {
  const float* red = picture.red();
  const float* green = picture.green();
  const float* blue = picture.blue();
  int64_t sum = 0;
  for (int64_t i = 0; i < picture.pixels(); ++i) {
    sum += static_cast<int32_t>(luma(red[i], green[i], blue[i]));
  }
  const double mean = static_cast<double>(sum) / static_cast<double>(picture.pixels());
  blendWithGrey(picture, static_cast<float>(static_cast<int32_t>(mean + 0.5)), factor);
}

void adjustSaturation(PlanarPicture& picture, float factor) {
  float* red = picture.red();
  float* green = picture.green();
  float* blue = picture.blue();
  for (int64_t i = 0; i < picture.pixels(); ++i) {
    const float grey = luma(red[i], green[i], blue[i]);
    red[i] = blend(grey, red[i], factor);
    green[i] = blend(grey, green[i], factor);
    blue[i] = blend(grey, blue[i], factor);
  }
}

void adjustHue(PlanarPicture& picture, double shift) {
  const auto steps = static_cast<uint8_t>(static_cast<int32_t>(shift * 255));
  float* red = picture.red();
  float* green = picture.green();
  float* blue = picture.blue();
  for (int64_t i = 0; i < picture.pixels(); ++i) {
    const Hsv hsv = toHsv(red[i], green[i], blue[i]);
    const float hue = hsv.hue + steps;
    // The circle is 510 long: red is at 0, green at 170, blue at 340, their opposites at 255 …
    const float position = 2.0f * (hue < 256.0f ? hue : hue - 256.0f);
    red[i] = channelOf(hsv, 170.0f - std::abs(position - 255.0f));
    green[i] = channelOf(hsv, std::abs(position - 170.0f) - 85.0f);
    blue[i] = channelOf(hsv, std::abs(position - 340.0f) - 85.0f);
  }
}

void toGreyscale(PlanarPicture& picture) {
  float* red = picture.red();
  float* green = picture.green();
  float* blue = picture.blue();
  for (int64_t i = 0; i < picture.pixels(); ++i) {
    red[i] = green[i] = blue[i] = luma(red[i], green[i], blue[i]);
  }
}

}  // namespace moco::pillow
