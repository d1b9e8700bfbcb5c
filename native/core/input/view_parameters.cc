#include "core/input/view_parameters.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/base/random.h"
#include "core/input/pillow.h"

namespace moco {
namespace {

constexpr double kNarrowestRatio = 3.0 / 4.0;
constexpr double kWidestRatio = 4.0 / 3.0;
constexpr int kCropTries = 10;

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

CropBox drawCrop(Philox& random, int64_t height, int64_t width,
                 const std::array<double, 2>& scale) {
  const double area = static_cast<double>(height * width);
  for (int attempt = 0; attempt < kCropTries; ++attempt) {
    const double target = area * random.uniform(scale[0], scale[1]);
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

ColourJitter drawColourJitter(Philox& random, const ViewTransform& transform) {
  ColourJitter colour{};
  // Colours lose something on their way to HSV and back, also where no hue is shifted.
  const bool shiftsHue = transform.hue > 0;
  colour.order = {JitterOperation::kBrightness, JitterOperation::kContrast,
                  JitterOperation::kSaturation,
                  shiftsHue ? JitterOperation::kHue : JitterOperation::kNone};
  for (int64_t i = 3; i > 0; --i) std::swap(colour.order[i], colour.order[random.below(i + 1)]);
  const auto factor = [&](double strength) {
    return static_cast<float>(random.uniform(std::max(1 - strength, 0.0), 1 + strength));
  };
  colour.brightness = factor(transform.brightness);
  colour.contrast = factor(transform.contrast);
  colour.saturation = factor(transform.saturation);
  colour.hue = random.uniform(-transform.hue, transform.hue);
  return colour;
}

}  // namespace

// Everything is drawn, whether it will be used or not, so that one probability does not move what
// is drawn after it. What the reference does not do comes last, for the same reason.
ViewParameters drawViewParameters(Philox& random, int64_t height, int64_t width,
                                  const ViewTransform& transform) {
  ViewParameters view{};
  view.crop = drawCrop(random, height, width, transform.cropScale);
  view.bicubic = transform.bicubic;
  view.flip = random.uniform() < transform.flip;
  view.jitter = random.uniform() < transform.jitter;
  view.colour = drawColourJitter(random, transform);
  view.greyscale = random.uniform() < transform.greyscale;
  view.blur = random.uniform() < transform.blur;
  view.box = pillow::boxBlurOf(random.uniform(transform.blurSigma[0], transform.blurSigma[1]));
  view.solarise = random.uniform() < transform.solarise;
  return view;
}

ViewParameters drawViewParameters(const ViewKey& key, int64_t height, int64_t width,
                                  const ViewTransform& transform) {
  const int64_t pair = key.view / 2;
  Philox random(key.seed, Purpose::kView, key.epoch,
                static_cast<uint32_t>(key.picture * 2 + key.view % 2), static_cast<uint32_t>(pair));
  return drawViewParameters(random, height, width, transform);
}

}  // namespace moco
