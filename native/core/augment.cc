#include "core/augment.h"

#include "core/pillow.h"

namespace moco {
namespace {

void applyColourJitter(const ColourJitter& colour, uint8_t* pixels, int64_t count) {
  for (const JitterOperation operation : colour.order) {
    switch (operation) {
      case JitterOperation::kBrightness:
        pillow::adjustBrightness(pixels, count, colour.brightness);
        break;
      case JitterOperation::kContrast:
        pillow::adjustContrast(pixels, count, colour.contrast);
        break;
      case JitterOperation::kSaturation:
        pillow::adjustSaturation(pixels, count, colour.saturation);
        break;
      case JitterOperation::kHue:
        pillow::adjustHue(pixels, count, colour.hue);
        break;
    }
  }
}

}  // namespace

void applyView(const uint8_t* picture, int64_t height, int64_t width, const ViewParameters& view,
               uint8_t* target) {
  pillow::cropAndResize(picture, width, view.crop, height, width, target);
  if (view.flip) pillow::flipHorizontally(target, height, width);
  if (view.jitter) applyColourJitter(view.colour, target, height * width);
  if (view.greyscale) pillow::toGreyscale(target, height * width);
}

}  // namespace moco
