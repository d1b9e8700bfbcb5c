#include "core/input/pillow.h"

#include <algorithm>
#include <type_traits>

#include "core/input/pillow_pixel.h"
#include "core/input/vectorised.h"

namespace moco::pillow {
namespace {

constexpr int64_t kChannels = 3;
constexpr int kValues = 256;  // that a channel can have

constexpr int32_t kOne = 1 << kPrecisionBits;  // a weight of 1

/// The most inputs of an output: those that the filter reaches to either side where the axis does
/// not get shorter, else those that a window of so many times `input / output` may cover.
int64_t mostTaps(int64_t input, int64_t output, bool bicubic) {
  const int64_t reach = bicubic ? Cubic::kReach : Triangle::kReach;
  const int64_t width = 2 * reach;
  return std::min<int64_t>(input, input > output ? width * input / output + 1 : width);
}

/// Enlarges one interleaved row, and writes its three planes.
MOCO_VECTORISED void interpolateColumns(const uint8_t* row, const Resampling& columns,
                                        int64_t width, int32_t* target) {
  const int32_t* weights = &columns.weights[width];  // of the second inputs
  for (int64_t x = 0; x < width; ++x) {
    const uint8_t* first = row + int64_t{columns.first[x]} * kChannels;
    const uint8_t* second = first + kChannels;
    for (int64_t channel = 0; channel < kChannels; ++channel) {
      target[channel * width + x] = interpolate(first[channel], second[channel], weights[x]);
    }
  }
}

/// Resizes one interleaved row by weighted sums, and writes its three planes.
/// @param taps   inputs of each output, as a number that the compiler knows or not
/// @tparam Clips  whether sums may be no bytes
template <bool Clips, class Taps>
void sumColumns(const uint8_t* row, const Resampling& columns, Taps taps, int64_t width,
                int32_t* target) {
  for (int64_t x = 0; x < width; ++x) {
    const uint8_t* input = row + int64_t{columns.first[x]} * kChannels;
    const int32_t* weights = &columns.weights[x];
    int32_t sums[kChannels] = {kHalf, kHalf, kHalf};
    for (int64_t tap = 0; tap < taps; ++tap) {
      const int32_t weight = weights[tap * width];
      for (int64_t channel = 0; channel < kChannels; ++channel) {
        sums[channel] += input[tap * kChannels + channel] * weight;
      }
    }
    for (int64_t channel = 0; channel < kChannels; ++channel) {
      target[channel * width + x] =
          Clips ? clipped(sums[channel]) : sums[channel] >> kPrecisionBits;
    }
  }
}

void resizeColumns(const uint8_t* row, const Resampling& columns, int64_t width, int32_t* target) {
  if (columns.bicubic) {
    if (columns.taps != 4) return sumColumns<true>(row, columns, columns.taps, width, target);
    return sumColumns<true>(row, columns, std::integral_constant<int64_t, 4>(), width, target);
  }
  switch (columns.taps) {
    case 2:
      return interpolateColumns(row, columns, width, target);
    case 3:
      return sumColumns<false>(row, columns, std::integral_constant<int64_t, 3>(), width, target);
    default:
      return sumColumns<false>(row, columns, columns.taps, width, target);
  }
}

/// Computes a row that lies between two others.
MOCO_VECTORISED void interpolateRows(const int32_t* first, const int32_t* second, int32_t weight,
                                     int64_t count, float* target) {
  for (int64_t x = 0; x < count; ++x) {
    target[x] = static_cast<float>(interpolate(first[x], second[x], weight));
  }
}

/// Adds a weighted row to sums.
MOCO_VECTORISED void addRow(const int32_t* row, int32_t weight, int64_t count, int32_t* sums) {
  for (int64_t i = 0; i < count; ++i) sums[i] += row[i] * weight;
}
MOCO_VECTORISED void addRow(const uint8_t* row, int32_t weight, int64_t count, int32_t* sums) {
  for (int64_t i = 0; i < count; ++i) sums[i] += row[i] * weight;
}

/// Limits sums to those that round to bytes.
MOCO_VECTORISED void clipRow(int64_t count, int32_t* sums) {
  for (int64_t i = 0; i < count; ++i) sums[i] = clipped(sums[i]) << kPrecisionBits;
}

/// Rounds sums, of which half a unit is a part already, to bytes.
MOCO_VECTORISED void roundRow(const int32_t* sums, int64_t count, float* target) {
  for (int64_t i = 0; i < count; ++i) target[i] = static_cast<float>(sums[i] >> kPrecisionBits);
}
MOCO_VECTORISED void roundRow(const int32_t* sums, int64_t count, uint8_t* target) {
  for (int64_t i = 0; i < count; ++i) target[i] = static_cast<uint8_t>(sums[i] >> kPrecisionBits);
}

MOCO_VECTORISED void copyRow(const int32_t* row, int64_t count, float* target) {
  for (int64_t i = 0; i < count; ++i) target[i] = static_cast<float>(row[i]);
}

}  // namespace

Resampling::Resampling(int64_t input, int64_t output, bool bicubic)
    : bicubic(bicubic),
      taps(mostTaps(input, output, bicubic)),
      first(output),
      weights(taps * output) {
  for (int64_t i = 0; i < output; ++i) {
    if (bicubic) {
      setWindow(i, windowOf<Cubic>(i, input, output), input);
    } else if (input > output) {
      setWindow(i, reducedWindowOf<Triangle>(i, input, output), input);
    } else {
      setTaps(i, bilinearTapsOf(i, input, output), input);
    }
  }
}

void Resampling::setTaps(int64_t i, const Taps& between, int64_t input) {
  first[i] = std::min(between.first, static_cast<int32_t>(input - taps));
  // Beyond the centres of the outermost samples, an output is the outermost one alone.
  const bool isAtEdge = between.first == between.second;
  const int32_t edge = between.first > first[i] ? kOne : 0;
  const int32_t second = isAtEdge ? edge : between.weight;
  if (taps == 2) weightOf(i, 1) = second;
  weightOf(i, 0) = kOne - (taps == 2 ? second : 0);
}

template <class Filter>
void Resampling::setWindow(int64_t i, const FilterWindow<Filter>& window, int64_t input) {
  // Where fewer inputs are covered than there are taps, those beside them get no weight. Where
  // rounding adds one, it lies at the window's end, where a cubic filter is 0.
  first[i] = std::min(window.first, static_cast<int32_t>(input - taps));
  const int64_t before = window.first - first[i];
  const int64_t covered = std::min<int64_t>(window.count, taps - before);
  for (int32_t place = 0; place < covered; ++place) {
    weightOf(i, before + place) = window.weight(window.first + place);
  }
}

void Resampling::reverse() {
  const auto outputs = static_cast<int64_t>(first.size());
  std::reverse(first.begin(), first.end());
  for (int64_t tap = 0; tap < taps; ++tap) {
    const auto begin = weights.begin() + tap * outputs;
    std::reverse(begin, begin + outputs);
  }
}

CroppedRows::CroppedRows(const uint8_t* picture, int64_t pictureWidth, const CropBox& crop,
                         int64_t height, int64_t width, bool flip, bool bicubic)
    : corner_(picture + (crop.top * pictureWidth + crop.left) * kChannels),
      stride_(pictureWidth * kChannels),
      cropWidth_(crop.width),
      width_(width),
      rowsFirst_(resizesRowsFirst(crop.height, crop.width, height, width)),
      columns_(crop.width, width, bicubic),
      rows_(crop.height, height, bicubic),
      resized_(std::make_unique_for_overwrite<int32_t[]>(rows_.taps * kChannels * width)),
      sums_(std::make_unique_for_overwrite<int32_t[]>(std::max(crop.width, width) * kChannels)),
      bytes_(std::make_unique_for_overwrite<uint8_t[]>(crop.width * kChannels)) {
  if (flip) columns_.reverse();
}

void CroppedRows::next(const Planes& target) {
  for (int64_t place = 0; place < target.pixels; place += width_, ++made_) {
    float* const planes[] = {target.red + place, target.green + place, target.blue + place};
    if (rowsFirst_) {
      makeRowsFirst(planes);
    } else {
      makeColumnsFirst(planes);
    }
  }
}

int32_t CroppedRows::rowWeight(int64_t tap) const {
  return rows_.weights[tap * static_cast<int64_t>(rows_.first.size()) + made_];
}

void CroppedRows::makeColumnsFirst(float* const* target) {
  const int64_t first = rows_.first[made_];
  for (; resizedRows_ < first + rows_.taps; ++resizedRows_) {
    resizeColumns(corner_ + resizedRows_ * stride_, columns_, width_, resizedRow(resizedRows_));
  }
  for (int64_t channel = 0; channel < kChannels; ++channel) {
    const auto input = [&](int64_t tap) { return resizedRow(first + tap) + channel * width_; };
    if (rows_.isBetweenTwo()) {
      interpolateRows(input(0), input(1), rowWeight(1), width_, target[channel]);
      continue;
    }
    std::fill_n(sums_.get(), width_, kHalf);
    for (int64_t tap = 0; tap < rows_.taps; ++tap) {
      addRow(input(tap), rowWeight(tap), width_, sums_.get());
    }
    if (rows_.bicubic) clipRow(width_, sums_.get());
    roundRow(sums_.get(), width_, target[channel]);
  }
}

void CroppedRows::makeRowsFirst(float* const* target) {
  const int64_t values = cropWidth_ * kChannels;
  std::fill_n(sums_.get(), values, kHalf);
  for (int64_t tap = 0; tap < rows_.taps; ++tap) {
    addRow(corner_ + (rows_.first[made_] + tap) * stride_, rowWeight(tap), values, sums_.get());
  }
  if (rows_.bicubic) clipRow(values, sums_.get());
  roundRow(sums_.get(), values, bytes_.get());
  resizeColumns(bytes_.get(), columns_, width_, resized_.get());
  for (int64_t channel = 0; channel < kChannels; ++channel) {
    copyRow(&resized_[channel * width_], width_, target[channel]);
  }
}

template <class Entry>
void interleave(const Planes& planes, const Entry* table, Entry* target) {
  const auto [red, green, blue, pixels] = planes;
  for (int64_t i = 0; i < pixels; ++i) {
    target[3 * i] = table[static_cast<int32_t>(red[i])];
    target[3 * i + 1] = table[kValues + static_cast<int32_t>(green[i])];
    target[3 * i + 2] = table[2 * kValues + static_cast<int32_t>(blue[i])];
  }
}

template void interleave(const Planes&, const float*, float*);
template void interleave(const Planes&, const uint16_t*, uint16_t*);
template void interleave(const Planes&, const uint8_t*, uint8_t*);

MOCO_VECTORISED void blendWithGrey(const Planes& planes, float grey, float factor) {
  for (float* plane : {planes.red, planes.green, planes.blue}) {
    for (int64_t i = 0; i < planes.pixels; ++i) plane[i] = blend(grey, plane[i], factor);
  }
}

MOCO_VECTORISED int64_t sumOfLuma(const Planes& planes) {
  const auto [red, green, blue, pixels] = planes;
  int64_t sum = 0;
  for (int64_t i = 0; i < pixels; ++i) {
    sum += static_cast<int32_t>(luma(red[i], green[i], blue[i]));
  }
  return sum;
}

MOCO_VECTORISED void adjustSaturation(const Planes& planes, float factor) {
  const auto [red, green, blue, pixels] = planes;
  for (int64_t i = 0; i < pixels; ++i) {
    const float grey = luma(red[i], green[i], blue[i]);
    red[i] = blend(grey, red[i], factor);
    green[i] = blend(grey, green[i], factor);
    blue[i] = blend(grey, blue[i], factor);
  }
}

MOCO_VECTORISED void adjustHue(const Planes& planes, double shift) {
  const uint8_t steps = hueSteps(shift);
  const auto [red, green, blue, pixels] = planes;
  for (int64_t i = 0; i < pixels; ++i) {
    const Colour colour = shiftHue(red[i], green[i], blue[i], steps);
    red[i] = colour.red;
    green[i] = colour.green;
    blue[i] = colour.blue;
  }
}

MOCO_VECTORISED void toGreyscale(const Planes& planes) {
  const auto [red, green, blue, pixels] = planes;
  for (int64_t i = 0; i < pixels; ++i) {
    red[i] = green[i] = blue[i] = luma(red[i], green[i], blue[i]);
  }
}

MOCO_VECTORISED void solarise(const Planes& planes) {
  for (float* plane : {planes.red, planes.green, planes.blue}) {
    for (int64_t i = 0; i < planes.pixels; ++i) plane[i] = solarised(plane[i]);
  }
}

}  // namespace moco::pillow
