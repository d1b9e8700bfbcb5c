#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "core/input/view_parameters.h"

/// Pillow's arithmetic on 8-bit RGB pictures, byte for byte: what torchvision's transforms do to a
/// PIL picture. The tests' `pillow_plain.h` states it as Pillow does. Here it is written so that
/// compilers make vector code of it on any processor: with planes, floats and selections in place
/// of interleaved bytes and branches.
namespace moco::pillow {

/// A picture of 8-bit values, kept as floats in three planes.
class PlanarPicture {
 public:
  /// Allocates the planes; their values are undefined.
  PlanarPicture(int64_t height, int64_t width)
      : pixels_(height * width), values_(std::make_unique_for_overwrite<float[]>(pixels_ * 3)) {}

  int64_t pixels() const { return pixels_; }
  float* red() const { return values_.get(); }
  float* green() const { return values_.get() + pixels_; }
  float* blue() const { return values_.get() + 2 * pixels_; }
  /// All three planes, one after the other.
  std::span<float> values() const { return {values_.get(), static_cast<size_t>(pixels_ * 3)}; }

 private:
  int64_t pixels_;
  std::unique_ptr<float[]> values_;
};

/// Cuts `crop` out of a picture of the given width and enlarges it to height × width, bilinearly:
/// separable, horizontal pass first, 22-bit fixed-point weights, rounded to 8 bits in between.
/// @param picture  interleaved (R, G, B, R, …), rows without gaps
/// @param crop     lies inside the picture and is no larger than height × width
/// @param flip     mirrors every row of the result
PlanarPicture cropAndResize(const uint8_t* picture, int64_t pictureWidth, const CropBox& crop,
                            int64_t height, int64_t width, bool flip);

/// Writes the picture interleaved, with every value replaced by its entry in a table.
/// @param table   3 × 256 entries: a row for each channel
/// @param target  3 entries for each pixel
/// @tparam Entry  float, uint16_t for the bits of a bf16, or uint8_t
template <class Entry>
void interleave(const PlanarPicture& picture, const Entry* table, Entry* target);

/// Blends with one grey: `grey + factor · (value − grey)`, truncated and clipped to 8 bits.
void blendWithGrey(PlanarPicture& picture, float grey, float factor);
/// Blends with black; a factor of 1 changes nothing.
void adjustBrightness(PlanarPicture& picture, float factor);
/// Blends with the mean grey of the picture.
void adjustContrast(PlanarPicture& picture, float factor);
/// Blends with the picture's own grey version.
void adjustSaturation(PlanarPicture& picture, float factor);
/// Adds trunc(255 · shift) to the hue of 8-bit HSV, with wrap-around.
void adjustHue(PlanarPicture& picture, double shift);
/// Replaces every pixel by its luma (ITU-R 601-2) in all three channels.
void toGreyscale(PlanarPicture& picture);

}  // namespace moco::pillow
