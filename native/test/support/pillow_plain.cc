#include "support/pillow_plain.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

namespace moco::pillow::plain {
namespace {

constexpr int kChannels = 3;

// --- Resampling ---------------------------------------------------------------------------------

constexpr int kPrecisionBits = 22;
constexpr int32_t kHalf = 1 << (kPrecisionBits - 1);

/// The inputs in a row that one output of the triangle filter adds up, by their weights.
struct Taps {
  int64_t first;
  std::vector<int32_t> weights;  // fixed-point
};

/// The taps of every output, when `input` samples are resized to `output`. The filter reaches one
/// sample to either side, or as many as the picture shrinks by.
std::vector<Taps> bilinearTaps(int64_t input, int64_t output) {
  std::vector<Taps> taps(output);
  const double scale = static_cast<double>(input) / static_cast<double>(output);
  const double support = std::max(scale, 1.0);
  for (int64_t i = 0; i < output; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const auto first = std::max<int64_t>(static_cast<int64_t>(centre - support + 0.5), 0);
    const auto end = std::min<int64_t>(static_cast<int64_t>(centre + support + 0.5), input);
    std::vector<double> triangle;
    double sum = 0;
    for (int64_t j = first; j < end; ++j) {
      const double distance = std::abs((static_cast<double>(j) - centre + 0.5) * (1.0 / support));
      triangle.push_back(distance < 1.0 ? 1.0 - distance : 0.0);
      sum += triangle.back();
    }
    taps[i].first = first;
    for (const double height : triangle) {
      taps[i].weights.push_back(static_cast<int32_t>(0.5 + height / sum * (1 << kPrecisionBits)));
    }
  }
  return taps;
}

uint8_t roundTo8Bits(int32_t fixedPoint) {
  return static_cast<uint8_t>(std::clamp(fixedPoint >> kPrecisionBits, 0, 255));
}

/// One output pixel: the weighted sum of pixels that lie `stride` bytes apart.
void resamplePixel(const uint8_t* source, int64_t stride, const Taps& taps, uint8_t* target) {
  for (int channel = 0; channel < kChannels; ++channel) {
    int32_t sum = kHalf;
    for (size_t j = 0; j < taps.weights.size(); ++j) {
      const auto place = taps.first + static_cast<int64_t>(j);
      sum += source[place * stride + channel] * taps.weights[j];
    }
    target[channel] = roundTo8Bits(sum);
  }
}

/// The picture with `output` columns in place of `input`.
std::vector<uint8_t> resizedColumns(const std::vector<uint8_t>& picture, int64_t input,
                                    int64_t output) {
  const auto columns = bilinearTaps(input, output);
  const auto height = static_cast<int64_t>(picture.size()) / (input * kChannels);
  std::vector<uint8_t> result(height * output * kChannels);
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < output; ++x) {
      resamplePixel(&picture[y * input * kChannels], kChannels, columns[x],
                    &result[(y * output + x) * kChannels]);
    }
  }
  return result;
}

/// The picture, of that width, with `output` rows in place of `input`.
std::vector<uint8_t> resizedRows(const std::vector<uint8_t>& picture, int64_t input, int64_t width,
                                 int64_t output) {
  const auto rows = bilinearTaps(input, output);
  std::vector<uint8_t> result(output * width * kChannels);
  for (int64_t y = 0; y < output; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      resamplePixel(&picture[x * kChannels], width * kChannels, rows[y],
                    &result[(y * width + x) * kChannels]);
    }
  }
  return result;
}

// --- Hue ----------------------------------------------------------------------------------------

struct Hsv {
  uint8_t hue, saturation, value;
};

uint8_t clipTo8Bits(double value) {
  return static_cast<uint8_t>(std::clamp(static_cast<int>(value), 0, 255));
}

Hsv toHsv(const uint8_t* rgb) {
  const uint8_t red = rgb[0];
  const uint8_t green = rgb[1];
  const uint8_t blue = rgb[2];
  const uint8_t largest = std::max({red, green, blue});
  const uint8_t smallest = std::min({red, green, blue});
  if (largest == smallest) return {0, 0, largest};
  const auto range = static_cast<float>(largest - smallest);
  const float saturation = range / static_cast<float>(largest);
  const float redDistance = static_cast<float>(largest - red) / range;
  const float greenDistance = static_cast<float>(largest - green) / range;
  const float blueDistance = static_cast<float>(largest - blue) / range;
  float sector;  // position among the six sectors, in single precision as in Pillow
  if (red == largest) {
    sector = blueDistance - greenDistance;
  } else if (green == largest) {
    sector = static_cast<float>(2.0 + redDistance - blueDistance);
  } else {
    sector = static_cast<float>(4.0 + greenDistance - redDistance);
  }
  const auto hue = static_cast<float>(std::fmod(sector / 6.0 + 1.0, 1.0));
  return {clipTo8Bits(hue * 255.0), clipTo8Bits(saturation * 255.0), largest};
}

void fromHsv(const Hsv& hsv, uint8_t* rgb) {
  const uint8_t value = hsv.value;
  if (hsv.saturation == 0) {
    rgb[0] = rgb[1] = rgb[2] = value;
    return;
  }
  const double position = hsv.hue * 6.0 / 255.0;
  const int sector = static_cast<int>(std::floor(position));
  // These two and their product are in single precision, as in Pillow.
  const auto fraction = static_cast<float>(position - sector);
  const auto saturation = static_cast<float>(hsv.saturation / 255.0);
  const uint8_t low = clipTo8Bits(std::round(value * (1.0 - saturation)));
  const uint8_t falling = clipTo8Bits(std::round(value * (1.0 - saturation * fraction)));
  const uint8_t rising = clipTo8Bits(std::round(value * (1.0 - saturation * (1.0 - fraction))));
  const std::array<std::array<uint8_t, 3>, 6> sectors{{{value, rising, low},
                                                       {falling, value, low},
                                                       {low, value, rising},
                                                       {low, falling, value},
                                                       {rising, low, value},
                                                       {value, low, falling}}};
  std::memcpy(rgb, sectors[sector % 6].data(), kChannels);
}

}  // namespace

void cropAndResize(const uint8_t* picture, int64_t pictureWidth, const CropBox& crop,
                   int64_t height, int64_t width, uint8_t* target) {
  std::vector<uint8_t> cut;
  for (int64_t y = 0; y < crop.height; ++y) {
    const uint8_t* row = picture + ((crop.top + y) * pictureWidth + crop.left) * kChannels;
    cut.insert(cut.end(), row, row + crop.width * kChannels);
  }
  // Since 13.0 Pillow takes the pass first that leaves less for the other one.
  const int64_t less = crop.height - height;
  const bool verticalFirst = less > 0 && less > (crop.width - width) * 2;
  const auto result =
      verticalFirst
          ? resizedColumns(resizedRows(cut, crop.height, crop.width, height), crop.width, width)
          : resizedRows(resizedColumns(cut, crop.width, width), crop.height, width, height);
  std::copy(result.begin(), result.end(), target);
}

void flipHorizontally(uint8_t* pixels, int64_t height, int64_t width) {
  for (int64_t y = 0; y < height; ++y) {
    uint8_t* row = pixels + y * width * kChannels;
    for (int64_t left = 0, right = width - 1; left < right; ++left, --right) {
      std::swap_ranges(row + left * kChannels, row + (left + 1) * kChannels,
                       row + right * kChannels);
    }
  }
}

uint8_t blend(uint8_t from, uint8_t to, float factor) {
  const float value = static_cast<float>(from) + factor * static_cast<float>(to - from);
  return static_cast<uint8_t>(std::clamp(value, 0.0f, 255.0f));
}

void adjustBrightness(uint8_t* pixels, int64_t count, float factor) {
  for (int64_t i = 0; i < count * kChannels; ++i) pixels[i] = blend(0, pixels[i], factor);
}

void adjustContrast(uint8_t* pixels, int64_t count, float factor) {
  int64_t sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += luma(pixels + i * kChannels);
  const auto mean =
      static_cast<uint8_t>(static_cast<double>(sum) / static_cast<double>(count) + 0.5);
  for (int64_t i = 0; i < count * kChannels; ++i) pixels[i] = blend(mean, pixels[i], factor);
}

void adjustSaturation(uint8_t* pixels, int64_t count, float factor) {
  for (int64_t i = 0; i < count; ++i) {
    uint8_t* pixel = pixels + i * kChannels;
    const uint8_t grey = luma(pixel);
    for (int c = 0; c < kChannels; ++c) pixel[c] = blend(grey, pixel[c], factor);
  }
}

void adjustHue(uint8_t* pixels, int64_t count, double shift) {
  const auto steps = static_cast<uint8_t>(static_cast<int32_t>(shift * 255));
  for (int64_t i = 0; i < count; ++i) {
    uint8_t* pixel = pixels + i * kChannels;
    Hsv hsv = toHsv(pixel);
    hsv.hue = static_cast<uint8_t>(hsv.hue + steps);
    fromHsv(hsv, pixel);
  }
}

void toGreyscale(uint8_t* pixels, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    uint8_t* pixel = pixels + i * kChannels;
    pixel[0] = pixel[1] = pixel[2] = luma(pixel);
  }
}

}  // namespace moco::pillow::plain
