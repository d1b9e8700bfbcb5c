#include "core/input/augment.h"

#include "core/input/pillow.h"

namespace moco {
namespace {

void applyColourJitter(const ColourJitter& colour, pillow::PlanarPicture& picture) {
  for (const JitterOperation operation : colour.order) {
    switch (operation) {
      case JitterOperation::kBrightness:
        pillow::adjustBrightness(picture, colour.brightness);
        break;
      case JitterOperation::kContrast:
        pillow::adjustContrast(picture, colour.contrast);
        break;
      case JitterOperation::kSaturation:
        pillow::adjustSaturation(picture, colour.saturation);
        break;
      case JitterOperation::kHue:
        pillow::adjustHue(picture, colour.hue);
        break;
    }
  }
}

}  // namespace

template <class Entry>
void applyView(const uint8_t* picture, int64_t pictureWidth, const ViewParameters& view,
               int64_t height, int64_t width, const Entry* table, Entry* target) {
  auto planar = pillow::cropAndResize(picture, pictureWidth, view.crop, height, width, view.flip);
  if (view.jitter) applyColourJitter(view.colour, planar);
  if (view.greyscale) pillow::toGreyscale(planar);
  pillow::interleave(planar, table, target);
}

template void applyView(const uint8_t*, int64_t, const ViewParameters&, int64_t, int64_t,
                        const float*, float*);
template void applyView(const uint8_t*, int64_t, const ViewParameters&, int64_t, int64_t,
                        const uint16_t*, uint16_t*);
template void applyView(const uint8_t*, int64_t, const ViewParameters&, int64_t, int64_t,
                        const uint8_t*, uint8_t*);

}  // namespace moco
