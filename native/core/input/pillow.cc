#include "core/input/pillow.h"

#include <algorithm>
#include <vector>

#include "core/input/pillow_pixel.h"

namespace moco::pillow {
namespace {

constexpr int64_t kChannels = 3;
constexpr int kValues = 256;  // that a channel can have

/// The taps of every output, when `input` samples are enlarged to `output`.
std::vector<Taps> bilinearTaps(int64_t input, int64_t output) {
  std::vector<Taps> taps(output);
  for (int64_t i = 0; i < output; ++i) taps[i] = bilinearTapsOf(i, input, output);
  return taps;
}

/// Enlarges one interleaved row to `columns.size()` pixels, and writes its three planes.
void stretchRow(const uint8_t* row, const std::vector<Taps>& columns, int32_t* target) {
  const auto width = static_cast<int64_t>(columns.size());
  for (int64_t x = 0; x < width; ++x) {
    const Taps taps = columns[x];
    const uint8_t* first = row + taps.first * kChannels;
    const uint8_t* second = row + taps.second * kChannels;
    for (int64_t channel = 0; channel < kChannels; ++channel) {
      target[channel * width + x] = interpolate(first[channel], second[channel], taps.weight);
    }
  }
}

/// Computes a row that lies between two others.
void interpolateRows(const int32_t* first, const int32_t* second, int32_t weight, int64_t count,
                     float* target) {
  for (int64_t x = 0; x < count; ++x) {
    target[x] = static_cast<float>(interpolate(first[x], second[x], weight));
  }
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

template <class Entry>
void interleave(const PlanarPicture& picture, const Entry* table, Entry* target) {
  const float* red = picture.red();
  const float* green = picture.green();
  const float* blue = picture.blue();
  for (int64_t i = 0; i < picture.pixels(); ++i) {
    target[3 * i] = table[static_cast<int32_t>(red[i])];
    target[3 * i + 1] = table[kValues + static_cast<int32_t>(green[i])];
    target[3 * i + 2] = table[2 * kValues + static_cast<int32_t>(blue[i])];
  }
}

template void interleave(const PlanarPicture&, const float*, float*);
template void interleave(const PlanarPicture&, const uint16_t*, uint16_t*);
template void interleave(const PlanarPicture&, const uint8_t*, uint8_t*);

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
  blendWithGrey(picture, meanGrey(sum, picture.pixels()), factor);
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
  const uint8_t steps = hueSteps(shift);
  float* red = picture.red();
  float* green = picture.green();
  float* blue = picture.blue();
  for (int64_t i = 0; i < picture.pixels(); ++i) {
    const Colour colour = shiftHue(red[i], green[i], blue[i], steps);
    red[i] = colour.red;
    green[i] = colour.green;
    blue[i] = colour.blue;
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
