#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/input/view_parameters.h"

/// Pillow's arithmetic on 8-bit RGB pictures, byte for byte: what torchvision's transforms do to a
/// PIL picture. The tests' `pillow_plain.h` states it as Pillow does. Here it is written so that
/// compilers make vector code of it on any processor: with planes, floats and selections in place
/// of interleaved bytes and branches.
namespace moco::pillow {

struct Taps;
template <class Filter>
struct FilterWindow;

/// Pixels of 8-bit values, kept as floats in three planes.
struct Planes {
  float* red;
  float* green;
  float* blue;
  int64_t pixels;
};

/// Memory for the planes of a picture.
class PlanarPicture {
 public:
  /// Allocates the planes; their values are undefined.
  explicit PlanarPicture(int64_t pixels)
      : pixels_(pixels), values_(std::make_unique_for_overwrite<float[]>(pixels * 3)) {}

  int64_t pixels() const { return pixels_; }
  /// `count` pixels, from `begin` on.
  Planes part(int64_t begin, int64_t count) const {
    float* first = values_.get() + begin;
    return {first, first + pixels_, first + 2 * pixels_, count};
  }
  Planes all() const { return part(0, pixels_); }

 private:
  int64_t pixels_;
  std::unique_ptr<float[]> values_;
};

/// How one axis is resampled: every output is the weighted sum of `taps` inputs in a row.
struct Resampling {
  /// @param input, output  numbers of samples
  /// @param bicubic        by cubic convolution, and not bilinearly
  Resampling(int64_t input, int64_t output, bool bicubic);

  /// Turns the order of the outputs around.
  void reverse();
  /// Whether an output lies between two inputs, whose weights add up to 1.
  bool isBetweenTwo() const { return taps == 2 && !bicubic; }

  bool bicubic;                  // then sums of weighted inputs need to be clipped
  int64_t taps;                  // bilinear: 2, unless the axis gets shorter or has one sample only
  std::vector<int32_t> first;    // the first input of each output
  std::vector<int32_t> weights;  // taps × outputs, 22-bit fixed point

 private:
  void setTaps(int64_t i, const Taps& between, int64_t input);
  template <class Filter>
  void setWindow(int64_t i, const FilterWindow<Filter>& window, int64_t input);
  int32_t& weightOf(int64_t i, int64_t tap) {
    return weights[tap * static_cast<int64_t>(first.size()) + i];
  }
};

/// The rows of a picture's crop, resized as by Pillow: along one axis after the other,
/// by 22-bit fixed-point weights, rounded to 8 bits in between. They are made one after the other,
/// so that what they are made of stays in the cache.
class CroppedRows {
 public:
  /// @param picture        interleaved (R, G, B, R, …), rows without gaps; must outlive this object
  /// @param pictureWidth   in pixels
  /// @param crop           lies inside the picture
  /// @param height, width  of the result
  /// @param flip           mirrors every row of the result
  /// @param bicubic        resizes by cubic convolution, and not bilinearly
  CroppedRows(const uint8_t* picture, int64_t pictureWidth, const CropBox& crop, int64_t height,
              int64_t width, bool flip, bool bicubic = false);

  /// Makes the next rows of the result.
  /// @param target  a whole number of rows
  void next(const Planes& target);

 private:
  /// Makes the next row.
  /// @param target  three planes
  void makeColumnsFirst(float* const* target);
  void makeRowsFirst(float* const* target);
  /// The `tap`-th row of those that the next one is made of, which are resized already: three
  /// planes of `width_`.
  int32_t* resizedRow(int64_t row) { return &resized_[row % rows_.taps * 3 * width_]; }
  int32_t rowWeight(int64_t tap) const;

  const uint8_t* corner_;  // the crop's first pixel
  int64_t stride_;         // bytes from one row of the picture to the next
  int64_t cropWidth_, width_;
  bool rowsFirst_;
  Resampling columns_, rows_;
  std::unique_ptr<int32_t[]> resized_;  // rows of which the columns are resized, the latest ones
  std::unique_ptr<int32_t[]> sums_;     // of a row
  std::unique_ptr<uint8_t[]> bytes_;    // of a row that is resized before its columns
  int64_t resizedRows_ = 0;             // number of the crop's rows of which the columns are
  int64_t made_ = 0;                    // number of rows of the result that are made
};

/// Writes pixels interleaved, with every value replaced by its entry in a table.
/// @param table   3 × 256 entries: a row for each channel
/// @param target  3 entries for each pixel
/// @tparam Entry  float, uint16_t for the bits of a bf16, or uint8_t
template <class Entry>
void interleave(const Planes& planes, const Entry* table, Entry* target);

/// Blends with one grey: `grey + factor · (value − grey)`, truncated and clipped to 8 bits. With
/// black it changes the brightness, with the mean grey of a picture its contrast.
void blendWithGrey(const Planes& planes, float grey, float factor);
/// The sum of all pixels' luma (ITU-R 601-2), each rounded to a whole number.
int64_t sumOfLuma(const Planes& planes);
/// Blends with the picture's own grey version.
void adjustSaturation(const Planes& planes, float factor);
/// Adds trunc(255 · shift) to the hue of 8-bit HSV, with wrap-around.
void adjustHue(const Planes& planes, double shift);
/// Replaces every pixel by its luma in all three channels.
void toGreyscale(const Planes& planes);
/// The box blur of which three in a row come close to a Gaussian (Gwosdek et al., "Theoretical
/// foundations of Gaussian convolution by extended box filtering", SSVM 2011, section 2.3), in
/// single precision as Pillow's GaussianBlur computes it.
/// @param sigma  the Gaussian's standard deviation in pixels, above 0
BoxBlur boxBlurOf(double sigma);
/// Blurs a picture along its rows, then along its columns, three times each. What lies beyond the
/// picture is like its nearest pixel.
void blur(const PlanarPicture& picture, int64_t height, int64_t width, const BoxBlur& box);
/// Inverts the values from 128 on, as ImageOps.solarize does.
void solarise(const Planes& planes);

}  // namespace moco::pillow
