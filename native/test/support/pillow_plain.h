#pragma once

#include <cstdint>

#include "core/input/view_parameters.h"

/// Pillow's arithmetic on 8-bit RGB pictures, written as in Pillow. Tests compare `pillow.h`, which
/// is faster, with it. Pixels are interleaved (R, G, B, R, …) and rows lie without gaps.
namespace moco::pillow::plain {

/// Cuts `crop` out of a picture of the given width and resizes it to height × width, bilinearly:
/// in two passes, by 22-bit fixed-point weights, rounded to 8 bits in between. The horizontal pass
/// comes first, unless the height shrinks by more than twice what the width does.
/// Where it shrinks, every pixel is a mean of all that it covers.
/// @param crop    lies inside the picture
/// @param target  height × width × 3 bytes
void cropAndResize(const uint8_t* picture, int64_t pictureWidth, const CropBox& crop,
                   int64_t height, int64_t width, uint8_t* target);

/// Mirrors every row.
void flipHorizontally(uint8_t* pixels, int64_t height, int64_t width);

/// Blends with black; a factor of 1 changes nothing.
void adjustBrightness(uint8_t* pixels, int64_t count, float factor);
/// Blends with the mean grey of the picture.
void adjustContrast(uint8_t* pixels, int64_t count, float factor);
/// Blends with the picture's own grey version.
void adjustSaturation(uint8_t* pixels, int64_t count, float factor);
/// Adds trunc(255 · shift) to the hue of 8-bit HSV, with wrap-around.
void adjustHue(uint8_t* pixels, int64_t count, double shift);
/// Replaces every pixel by its luma (ITU-R 601-2) in all three channels.
void toGreyscale(uint8_t* pixels, int64_t count);

/// `from + factor · (to − from)` in single precision, truncated and clipped to 8 bits.
uint8_t blend(uint8_t from, uint8_t to, float factor);
/// Luma of one pixel: 16-bit fixed point, rounded.
inline uint8_t luma(const uint8_t* rgb) {
  return static_cast<uint8_t>((19595u * rgb[0] + 38470u * rgb[1] + 7471u * rgb[2] + 0x8000u) >> 16);
}

}  // namespace moco::pillow::plain
