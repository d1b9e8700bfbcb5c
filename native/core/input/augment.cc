#include "core/input/augment.h"

#include <algorithm>
#include <span>

#include "core/input/pillow.h"
#include "core/input/pillow_pixel.h"

namespace moco {
namespace {

/// Pixels that go through all operations together: few enough to stay in a core's first cache.
constexpr int64_t kPixelsAtOnce = 2048;

using Operations = std::span<const JitterOperation>;

/// Applies operations of the colour jitter that look at one pixel at a time.
void adjust(const ColourJitter& colour, Operations operations, const pillow::Planes& planes) {
  for (const JitterOperation operation : operations) {
    switch (operation) {
      case JitterOperation::kBrightness:
        pillow::blendWithGrey(planes, 0.0f, colour.brightness);
        break;
      case JitterOperation::kSaturation:
        pillow::adjustSaturation(planes, colour.saturation);
        break;
      case JitterOperation::kHue:
        pillow::adjustHue(planes, colour.hue);
        break;
      case JitterOperation::kContrast:  // needs the whole picture
      case JitterOperation::kNone:
        break;
    }
  }
}

/// Calls `use(planes, begin)` for one part of the picture after the other, each some whole rows.
template <class Use>
void eachPart(const pillow::PlanarPicture& picture, int64_t width, const Use& use) {
  const int64_t length = std::max<int64_t>(kPixelsAtOnce / width, 1) * width;
  for (int64_t begin = 0; begin < picture.pixels(); begin += length) {
    use(picture.part(begin, std::min(length, picture.pixels() - begin)), begin);
  }
}

/// Makes the crop and jitters its colours. Calls `finish(planes, begin)` for one part after the
/// other.
template <class Finish>
void makeColours(pillow::CroppedRows& rows, const ViewParameters& view, int64_t width,
                 const pillow::PlanarPicture& planar, const Finish& finish) {
  if (!view.jitter) {
    eachPart(planar, width, [&](const pillow::Planes& planes, int64_t begin) {
      rows.next(planes);
      finish(planes, begin);
    });
    return;
  }
  // The contrast is adjusted by the mean grey of what all operations before it have made.
  const ColourJitter& colour = view.colour;
  const Operations operations(colour.order);
  const auto contrast = std::ranges::find(operations, JitterOperation::kContrast);
  const auto before = static_cast<size_t>(contrast - operations.begin());
  int64_t sumOfLuma = 0;
  eachPart(planar, width, [&](const pillow::Planes& planes, int64_t) {
    rows.next(planes);
    adjust(colour, operations.first(before), planes);
    sumOfLuma += pillow::sumOfLuma(planes);
  });
  const float grey = pillow::meanGrey(sumOfLuma, planar.pixels());
  eachPart(planar, width, [&](const pillow::Planes& planes, int64_t begin) {
    pillow::blendWithGrey(planes, grey, colour.contrast);
    adjust(colour, operations.subspan(before + 1), planes);
    finish(planes, begin);
  });
}

}  // namespace

template <class Entry>
void applyView(const uint8_t* picture, int64_t pictureWidth, const ViewParameters& view,
               int64_t height, int64_t width, const Entry* table, Entry* target) {
  pillow::CroppedRows rows(picture, pictureWidth, view.crop, height, width, view.flip,
                           view.bicubic);
  const pillow::PlanarPicture planar(height * width);
  const auto write = [&](const pillow::Planes& planes, int64_t begin) {
    if (view.solarise) pillow::solarise(planes);
    pillow::interleave(planes, table, target + begin * 3);
  };
  makeColours(rows, view, width, planar, [&](const pillow::Planes& planes, int64_t begin) {
    if (view.greyscale) pillow::toGreyscale(planes);
    if (!view.blur) write(planes, begin);  // a blur needs the whole view
  });
  if (!view.blur) return;
  pillow::blur(planar, height, width, view.box);
  eachPart(planar, width, write);
}

template void applyView(const uint8_t*, int64_t, const ViewParameters&, int64_t, int64_t,
                        const float*, float*);
template void applyView(const uint8_t*, int64_t, const ViewParameters&, int64_t, int64_t,
                        const uint16_t*, uint16_t*);
template void applyView(const uint8_t*, int64_t, const ViewParameters&, int64_t, int64_t,
                        const uint8_t*, uint8_t*);

}  // namespace moco
