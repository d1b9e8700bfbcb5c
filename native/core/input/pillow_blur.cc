#include <algorithm>
#include <cmath>
#include <vector>

#include "core/input/pillow.h"
#include "core/input/pillow_pixel.h"
#include "core/input/vectorised.h"

namespace moco::pillow {
namespace {

/// Computes a row of a box blur along one axis.
/// @param inputs  the rows that the box reaches, in order; along a row, the row shifted by a pixel
/// @param sums    room for a row
MOCO_VECTORISED void boxBlurRow(const uint32_t* const* inputs, const BoxBlur& box, int64_t count,
                                uint32_t* sums, uint32_t* __restrict target) {
  const int64_t last = 2 * int64_t{box.radius} + 2;
  const uint32_t* first = inputs[0];
  const uint32_t* end = inputs[last];
  if (box.radius == 0) {
    for (int64_t x = 0; x < count; ++x) {
      target[x] = boxBlurred(inputs[1][x], first[x] + end[x], box);
    }
    return;
  }
  if (box.radius == 1) {
    const uint32_t* before = inputs[1];
    const uint32_t* centre = inputs[2];
    const uint32_t* after = inputs[3];
    for (int64_t x = 0; x < count; ++x) {
      target[x] = boxBlurred(before[x] + centre[x] + after[x], first[x] + end[x], box);
    }
    return;
  }
  std::fill_n(sums, count, 0);
  for (int64_t input = 1; input < last; ++input) {
    for (int64_t x = 0; x < count; ++x) sums[x] += inputs[input][x];
  }
  for (int64_t x = 0; x < count; ++x) target[x] = boxBlurred(sums[x], first[x] + end[x], box);
}

MOCO_VECTORISED void toIntegers(const float* values, int64_t count, uint32_t* target) {
  for (int64_t i = 0; i < count; ++i) {
    target[i] = static_cast<uint32_t>(static_cast<int32_t>(values[i]));
  }
}

MOCO_VECTORISED void toFloats(const uint32_t* values, int64_t count, float* target) {
  for (int64_t i = 0; i < count; ++i)
    target[i] = static_cast<float>(static_cast<int32_t>(values[i]));
}

constexpr int kBlurs = 3;  // along each axis

/// Blurs planes of one size.
class PlaneBlur {
 public:
  PlaneBlur(int64_t height, int64_t width, const BoxBlur& box)
      : height_(height),
        width_(width),
        reach_(box.radius + 1),
        box_(box),
        inputs_(2 * reach_ + 1),
        sums_(width),
        row_(width + 2 * reach_),
        plane_(height * width),
        blurred_(height * width) {}

  void operator()(float* plane) {
    for (int64_t y = 0; y < height_; ++y) {
      toIntegers(plane + y * width_, width_, &row_[reach_]);
      blurRow(&plane_[y * width_]);
    }
    for (int blur = 0; blur < kBlurs; ++blur) {
      blurColumns();
      plane_.swap(blurred_);
    }
    toFloats(plane_.data(), height_ * width_, plane);
  }

 private:
  /// Blurs `row_` along itself.
  void blurRow(uint32_t* target) {
    for (int64_t i = 0; i <= 2 * reach_; ++i) inputs_[i] = &row_[i];
    for (int blur = 0; blur < kBlurs; ++blur) {
      if (blur > 0) std::copy_n(target, width_, &row_[reach_]);
      std::fill_n(row_.begin(), reach_, row_[reach_]);
      std::fill_n(row_.end() - reach_, reach_, row_[reach_ + width_ - 1]);
      boxBlurRow(inputs_.data(), box_, width_, sums_.data(), target);
    }
  }

  /// Blurs `plane_` along its columns into `blurred_`.
  void blurColumns() {
    for (int64_t y = 0; y < height_; ++y) {
      for (int64_t i = 0; i <= 2 * reach_; ++i) {
        inputs_[i] = &plane_[std::clamp<int64_t>(y + i - reach_, 0, height_ - 1) * width_];
      }
      boxBlurRow(inputs_.data(), box_, width_, sums_.data(), &blurred_[y * width_]);
    }
  }

  int64_t height_, width_, reach_;
  BoxBlur box_;
  std::vector<const uint32_t*> inputs_;  // the rows that the box reaches
  std::vector<uint32_t> sums_;
  std::vector<uint32_t> row_;  // with the pixels beyond it
  std::vector<uint32_t> plane_, blurred_;
};

}  // namespace

BoxBlur boxBlurOf(double sigma) {
  constexpr float kBlurs = 3;
  const auto deviation = static_cast<float>(sigma);
  const float variance = deviation * deviation / kBlurs;  // of one box
  const auto length = static_cast<float>(std::sqrt(12.0 * static_cast<double>(variance) + 1.0));
  const auto whole = static_cast<float>(std::floor((static_cast<double>(length) - 1.0) / 2.0));
  const float next = whole + 1;
  const float part = (2 * whole + 1) * (whole * next - 3 * variance) /
                     (6 * (variance - next * next));  // of the pixel beside the whole ones
  const auto radius = static_cast<int32_t>(whole + part);
  const uint32_t one = 1U << kBoxBits;
  const auto weight = static_cast<uint32_t>(static_cast<float>(one) / ((whole + part) * 2 + 1));
  return {radius, weight, (one - static_cast<uint32_t>(2 * radius + 1) * weight) / 2};
}

void blur(const PlanarPicture& picture, int64_t height, int64_t width, const BoxBlur& box) {
  PlaneBlur blurPlane(height, width, box);
  const Planes planes = picture.all();
  for (float* plane : {planes.red, planes.green, planes.blue}) blurPlane(plane);
}

}  // namespace moco::pillow
