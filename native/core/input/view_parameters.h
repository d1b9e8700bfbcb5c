#pragma once

#include <array>
#include <cstdint>

namespace moco {

class Philox;

/// A rectangle of a picture, in pixels.
struct CropBox {
  int64_t top, left, height, width;
};

enum class JitterOperation { kBrightness, kContrast, kSaturation, kHue, kNone };

/// One draw of the colour jitter: four operations in a random order.
struct ColourJitter {
  std::array<JitterOperation, 4> order;
  float brightness, contrast, saturation;  // factors
  double hue;                              // shift, as a share of the colour circle
};

/// A box blur of fractional radius, in 24-bit fixed point. A value becomes the weighted sum of
/// those that are at most `radius` away and of the two that come next, of which the box covers a
/// part.
struct BoxBlur {
  int32_t radius;
  uint32_t weight;      // of the values inside
  uint32_t edgeWeight;  // of the two
};

/// All that is random about one view of one picture. What is done to the picture stands in order.
struct ViewParameters {
  CropBox crop;
  bool bicubic;  // how the crop is resized
  bool flip;
  bool jitter;
  ColourJitter colour;
  bool greyscale;
  bool blur;
  BoxBlur box;  // the blur is three of these along each axis
  bool solarise;
};

/// The transform that makes views: what their parameters are drawn from. The defaults are the
/// reference's.
struct ViewTransform {
  bool bicubic = false;                        // how a crop is resized; a setting gives it by name
  std::array<double, 2> cropScale{0.08, 1.0};  // least and largest share of the picture's area
  double flip = 0.5;                           // probability, as all that follow but strengths
  double jitter = 0.8;
  double brightness = 0.4, contrast = 0.4, saturation = 0.4, hue = 0.1;  // strengths
  double greyscale = 0.2;
  double blur = 0.0;
  std::array<double, 2> blurSigma{0.1, 2.0};  // least and largest standard deviation, in pixels
  double solarise = 0.0;

  /// Whether views may be changed after their colours, which needs a whole view at once.
  bool blursOrSolarises() const { return blur > 0 || solarise > 0; }

  /// Calls `visit(name, value)` for every setting.
  template <class Visit>
  void each(Visit&& visit) {
    visit("cropScale", cropScale);
    visit("flip", flip);
    visit("jitter", jitter);
    visit("brightness", brightness);
    visit("contrast", contrast);
    visit("saturation", saturation);
    visit("hue", hue);
    visit("greyscale", greyscale);
    visit("blur", blur);
    visit("blurSigma", blurSigma);
    visit("solarise", solarise);
  }
};

/// Draws a training view as torchvision's transforms do: random resized crop (area uniform in
/// `cropScale`, aspect ratio log-uniform in (3/4, 4/3), ten tries, then the largest centred crop of
/// an allowed ratio), flip, colour jitter (a factor is uniform in 1 ± strength and not negative,
/// the hue's shift in ± strength; a hue of strength 0 is left alone), greyscale, Gaussian blur (its
/// standard deviation is uniform in `blurSigma`), solarising.
ViewParameters drawViewParameters(Philox& random, int64_t height, int64_t width,
                                  const ViewTransform& transform = {});

/// Names a view of a training run. What is drawn for it depends on these numbers alone.
struct ViewKey {
  uint64_t seed;
  uint32_t epoch;
  int64_t picture;
  int64_t view;  // its number, from 0
};
/// Draws the view that a key names, of a picture of height × width pixels.
ViewParameters drawViewParameters(const ViewKey& key, int64_t height, int64_t width,
                                  const ViewTransform& transform = {});

}  // namespace moco
