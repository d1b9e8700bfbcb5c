#pragma once

#include <array>
#include <cstdint>

namespace moco {

class Philox;

/// A rectangle of a picture, in pixels.
struct CropBox {
  int64_t top, left, height, width;
};

enum class JitterOperation { kBrightness, kContrast, kSaturation, kHue };

/// One draw of the colour jitter: four operations in a random order.
struct ColourJitter {
  std::array<JitterOperation, 4> order;
  float brightness, contrast, saturation;  // factors
  double hue;                              // shift, as a share of the colour circle
};

/// All that is random about one view of one picture.
struct ViewParameters {
  CropBox crop;
  bool flip;
  bool jitter;
  ColourJitter colour;
  bool greyscale;
};

/// Draws a training view as the reference does: random resized crop (area U(0.08, 1), aspect ratio
/// log-uniform in (3/4, 4/3), ten tries, then the largest centred crop of an allowed ratio), flip
/// with p = 0.5, with p = 0.8 colour jitter (factors U(0.6, 1.4), hue U(−0.1, 0.1)), greyscale with
/// p = 0.2.
ViewParameters drawViewParameters(Philox& random, int64_t height, int64_t width);

/// Names a view of a training run. What is drawn for it depends on these numbers alone.
struct ViewKey {
  uint64_t seed;
  uint32_t epoch;
  int64_t picture;
  int64_t view;  // 0 or 1
};
/// Draws the view that a key names, of a picture of height × width pixels.
ViewParameters drawViewParameters(const ViewKey& key, int64_t height, int64_t width);

}  // namespace moco
