#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/device/host_device.h"
#include "core/input/view_parameters.h"

/// Pillow's arithmetic on one pixel, for loops over pictures on the CPU (`pillow.cc`) and on a GPU
/// (`cuda_views.cu`). Values are bytes that are kept as floats, and selections take the place of
/// branches. It must be compiled without fused multiply-add, which would change bytes.
namespace moco::pillow {

/// The nearest whole number, as Pillow computes it: for values from 0 on, with halves rounded up.
MOCO_HOST_DEVICE inline int32_t rounded(double value) {
  return static_cast<int32_t>(value + 0.5);  // NOLINT(bugprone-incorrect-roundings): as Pillow does
}

// --- Resampling ---------------------------------------------------------------------------------

constexpr int kPrecisionBits = 22;
constexpr int32_t kHalf = 1 << (kPrecisionBits - 1);

/// Whether the rows are resized before the columns, which makes other bytes, since values are
/// rounded in between. Pillow does so from 13.0 on, to save time; before, columns always came
/// first.
MOCO_HOST_DEVICE inline bool resizesRowsFirst(int64_t cropHeight, int64_t cropWidth, int64_t height,
                                              int64_t width) {
  const int64_t lessHeight = cropHeight - height;
  return lessHeight > 0 && lessHeight > 2 * (cropWidth - width);
}

/// The two inputs that an output lies between, and the fixed-point weight of the second.
struct Taps {
  int32_t first, second, weight;
};

/// The taps of output number `i`, when `input` samples are enlarged to `output`.
MOCO_HOST_DEVICE inline Taps bilinearTapsOf(int64_t i, int64_t input, int64_t output) {
  const double scale = static_cast<double>(input) / static_cast<double>(output);
  const double position = (static_cast<double>(i) + 0.5) * scale - 0.5;  // at least −0.5
  const int32_t first = static_cast<int32_t>(position + 1.0) - 1;
  const double fraction = position - first;
  return {std::max(first, 0), std::min(first + 1, static_cast<int32_t>(input - 1)),
          rounded(fraction * (1 << kPrecisionBits))};
}

/// The filter of bilinear interpolation, by the distance of an input from the filter's centre.
struct Triangle {
  static constexpr int kReach = 1;
  MOCO_HOST_DEVICE static double at(double distance) {
    return std::max(1.0 - std::abs(distance), 0.0);
  }
  MOCO_HOST_DEVICE static int32_t fixedPoint(double weight) {
    return rounded(weight * (1 << kPrecisionBits));
  }
};

/// The filter of bicubic interpolation (Keys, "Cubic convolution interpolation for digital image
/// processing", 1981, equation 4), with a = −0.5. Its weights can be negative, so that a sum of
/// weighted bytes must be clipped.
struct Cubic {
  static constexpr int kReach = 2;
  static constexpr double kA = -0.5;
  MOCO_HOST_DEVICE static double at(double distance) {
    const double x = std::abs(distance);
    if (x < 1.0) return ((kA + 2.0) * x - (kA + 3.0)) * x * x + 1.0;
    return x < 2.0 ? (((x - 5.0) * x + 8.0) * x - 4.0) * kA : 0.0;
  }
  MOCO_HOST_DEVICE static int32_t fixedPoint(double weight) {
    const double scaled = weight * (1 << kPrecisionBits);
    return scaled < 0 ? -rounded(-scaled) : rounded(scaled);
  }
};

/// The inputs that a filter covers for one output. Where an axis gets shorter, the filter is as
/// many times wider.
template <class Filter>
struct FilterWindow {
  int32_t first, count;
  double centre;  // of the filter, where input number 0 reaches from 0 to 1
  double slope;   // what a distance is multiplied by
  double sum;     // of the filter over the inputs

  MOCO_HOST_DEVICE double filter(int32_t input) const {
    return Filter::at((input - centre + 0.5) * slope);
  }
  /// The fixed-point weight of an input.
  MOCO_HOST_DEVICE int32_t weight(int32_t input) const {
    return Filter::fixedPoint(filter(input) / sum);
  }
};

/// The window of a filter that is so many times wider.
/// @param input  number of samples
template <class Filter>
MOCO_HOST_DEVICE inline FilterWindow<Filter> windowAt(double centre, double width, int64_t input) {
  const int32_t first = std::max(rounded(centre - Filter::kReach * width), 0);
  const int32_t end =
      std::min(rounded(centre + Filter::kReach * width), static_cast<int32_t>(input));
  FilterWindow<Filter> window{first, end - first, centre, 1.0 / width, 0.0};
  for (int32_t place = first; place < end; ++place) window.sum += window.filter(place);
  return window;
}

/// The window of output number `i`, when `input` samples are reduced to `output`.
template <class Filter>
MOCO_HOST_DEVICE inline FilterWindow<Filter> reducedWindowOf(int64_t i, int64_t input,
                                                             int64_t output) {
  const double scale = static_cast<double>(input) / static_cast<double>(output);
  return windowAt<Filter>((static_cast<double>(i) + 0.5) * scale, scale, input);
}

/// The window of output number `i`, when `input` samples are resampled to `output`.
template <class Filter>
MOCO_HOST_DEVICE inline FilterWindow<Filter> windowOf(int64_t i, int64_t input, int64_t output) {
  const double scale = static_cast<double>(input) / static_cast<double>(output);
  return windowAt<Filter>((static_cast<double>(i) + 0.5) * scale, std::max(scale, 1.0), input);
}

/// A sum of bytes with fixed-point weights and a half, as a value of 8 bits.
MOCO_HOST_DEVICE inline int32_t clipped(int32_t sum) {
  return std::min(std::max(sum, 0), (256 << kPrecisionBits) - 1) >> kPrecisionBits;
}

/// The weighted sum of two inputs, rounded, by the second one's weight. One product is enough,
/// because Pillow's two weights, which it rounds one by one, add up to 1 << kPrecisionBits. They
/// would not if both ended in exactly half of 2⁻²². As multiples of 1 / (2 · output), they could
/// only for an output of 2²² pixels.
MOCO_HOST_DEVICE inline int32_t interpolate(int32_t first, int32_t second, int32_t weight) {
  return first + (((second - first) * weight + kHalf) >> kPrecisionBits);
}

// --- Colour -------------------------------------------------------------------------------------

/// The values of a colour, 0 … 255.
struct Colour {
  float red, green, blue;
};

MOCO_HOST_DEVICE inline float truncate(float value) {
  return static_cast<float>(static_cast<int32_t>(value));
}

MOCO_HOST_DEVICE inline float clamp(float value, float low, float high) {
  return std::min(std::max(value, low), high);
}

/// The luma of a colour (ITU-R 601-2), in 16-bit fixed point, rounded. Floats compute it exactly,
/// because every sum is a whole number below 2²⁴.
MOCO_HOST_DEVICE inline float luma(float red, float green, float blue) {
  return truncate((19595.0f * red + 38470.0f * green + 7471.0f * blue + 32768.0f) * 0x1p-16f);
}

/// The grey that contrast is adjusted by: the mean luma of `pixels` pixels, rounded.
MOCO_HOST_DEVICE inline float meanGrey(int64_t sumOfLuma, int64_t pixels) {
  const double mean = static_cast<double>(sumOfLuma) / static_cast<double>(pixels);
  return static_cast<float>(rounded(mean));
}

/// `from + factor · (to − from)`, clipped to 8 bits and truncated.
MOCO_HOST_DEVICE inline float blend(float from, float to, float factor) {
  return truncate(clamp(from + factor * (to - from), 0.0f, 255.0f));
}

/// Inverts a value from 128 on.
MOCO_HOST_DEVICE inline float solarised(float value) {
  return value < 128.0f ? value : 255.0f - value;
}

/// Hue, saturation and value of a colour, 0 … 255.
struct Hsv {
  float hue, saturation, value;
};

/// Converts a colour to 8-bit HSV. The hue of a grey does not matter, because its saturation is 0.
MOCO_HOST_DEVICE inline Hsv toHsv(float red, float green, float blue) {
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

/// One channel of a colour: the colour's value, less the share of it that the channel lacks.
/// @param distance  how far the hue is from the hues at which the channel lacks nothing; a sextant
///                  of the circle is 85, and from there on it lacks no more than at 85
MOCO_HOST_DEVICE inline float channelOf(const Hsv& hsv, float distance) {
  const float lack = hsv.saturation * clamp(distance, 0.0f, 85.0f) * (1.0f / (255 * 85));
  return truncate(hsv.value - hsv.value * lack + 0.5f);
}

/// A shift of the hue as Pillow adds it: trunc(255 · shift), with wrap-around.
MOCO_HOST_DEVICE inline uint8_t hueSteps(double shift) {
  return static_cast<uint8_t>(static_cast<int32_t>(shift * 255));
}

/// Converts a colour to HSV, adds to its hue with wrap-around, and converts it back.
/// @param steps  what to add, from `hueSteps`
MOCO_HOST_DEVICE inline Colour shiftHue(float red, float green, float blue, uint8_t steps) {
  const Hsv hsv = toHsv(red, green, blue);
  const float hue = hsv.hue + static_cast<float>(steps);
  // The circle is 510 long: red is at 0, green at 170, blue at 340, their opposites at 255 …
  const float position = 2.0f * (hue < 256.0f ? hue : hue - 256.0f);
  return {channelOf(hsv, 170.0f - std::abs(position - 255.0f)),
          channelOf(hsv, std::abs(position - 170.0f) - 85.0f),
          channelOf(hsv, std::abs(position - 340.0f) - 85.0f)};
}

// --- Blur ---------------------------------------------------------------------------------------

constexpr int kBoxBits = 24;
constexpr uint32_t kHalfBox = 1U << (kBoxBits - 1);

/// A value after a box blur.
/// @param inside  the sum of the values that the box covers whole
/// @param edges   the sum of the two that come next
MOCO_HOST_DEVICE inline uint32_t boxBlurred(uint32_t inside, uint32_t edges, const BoxBlur& box) {
  return (inside * box.weight + edges * box.edgeWeight + kHalfBox) >> kBoxBits;
}

}  // namespace moco::pillow
