#include "core/input/view_parameters.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/base/random.h"

namespace moco {
namespace {

constexpr double kSmallestArea = 0.08;
constexpr double kNarrowestRatio = 3.0 / 4.0;
constexpr double kWidestRatio = 4.0 / 3.0;
constexpr int kCropTries = 10;

constexpr double kFlipProbability = 0.5;
constexpr double kJitterProbability = 0.8;
constexpr double kGreyscaleProbability = 0.2;
constexpr double kJitterStrength = 0.4;
constexpr double kHueStrength = 0.1;

CropBox centredCrop(int64_t height, int64_t width) {
  const double ratio = static_cast<double>(width) / static_cast<double>(height);
  int64_t cropHeight = height;
  int64_t cropWidth = width;
  if (ratio < kNarrowestRatio) {
    cropHeight = std::llrint(static_cast<double>(width) / kNarrowestRatio);
  } else if (ratio > kWidestRatio) {
    cropWidth = std::llrint(static_cast<double>(height) * kWidestRatio);
  }
  return {(height - cropHeight) / 2, (width - cropWidth) / 2, cropHeight, cropWidth};
}

CropBox drawCrop(Philox& random, int64_t height, int64_t width) {
  const double area = static_cast<double>(height * width);
  for (int attempt = 0; attempt < kCropTries; ++attempt) {
    const double target = area * random.uniform(kSmallestArea, 1.0);
    const double ratio =
        std::exp(random.uniform(std::log(kNarrowestRatio), std::log(kWidestRatio)));
    // llrint rounds halves to even, as Python's round does.
    const int64_t cropWidth = std::llrint(std::sqrt(target * ratio));
    const int64_t cropHeight = std::llrint(std::sqrt(target / ratio));
    if (cropWidth < 1 || cropWidth > width || cropHeight < 1 || cropHeight > height) continue;
    const int64_t top = random.below(height - cropHeight + 1);
    const int64_t left = random.below(width - cropWidth + 1);
    return {top, left, cropHeight, cropWidth};
  }
  return centredCrop(height, width);
}

ColourJitter drawColourJitter(Philox& random) {
  ColourJitter colour{};
  colour.order = {JitterOperation::kBrightness, JitterOperation::kContrast,
                  JitterOperation::kSaturation, JitterOperation::kHue};
  for (int64_t i = 3; i > 0; --i) std::swap(colour.order[i], colour.order[random.below(i + 1)]);
  const auto factor = [&] {
    return static_cast<float>(random.uniform(1 - kJitterStrength, 1 + kJitterStrength));
  };
  colour.brightness = factor();
  colour.contrast = factor();
  colour.saturation = factor();
  colour.hue = random.uniform(-kHueStrength, kHueStrength);
  return colour;
}

}  // namespace

ViewParameters drawViewParameters(Philox& random, int64_t height, int64_t width) {
  ViewParameters view{};
  view.crop = drawCrop(random, height, width);
  view.flip = random.uniform() < kFlipProbability;
  view.jitter = random.uniform() < kJitterProbability;
  view.colour = drawColourJitter(random);
  view.greyscale = random.uniform() < kGreyscaleProbability;
  return view;
}

ViewParameters drawViewParameters(const ViewKey& key, int64_t height, int64_t width) {
  Philox random(key.seed, Purpose::kView, key.epoch,
                static_cast<uint32_t>(key.picture * 2 + key.view));
  return drawViewParameters(random, height, width);
}

}  // namespace moco
