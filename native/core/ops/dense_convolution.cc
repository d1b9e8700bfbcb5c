#include "core/ops/dense_convolution.h"

#include <ATen/record_function.h>
#include <c10/util/BFloat16.h>

#include <algorithm>
#include <vector>

#include "core/base/threads.h"
#include "core/ops/channels_last.h"

namespace moco {
namespace {

using c10::BFloat16;

constexpr int64_t kTaps = 3;      // on either side of the kernel
constexpr int64_t kMostSide = 2;  // of a picture
/// With fewer pictures, writing the dense weight takes longer than the products that it saves.
constexpr int64_t kFewestPictures = 64;

/// Height and width of the pictures.
struct Map {
  explicit Map(const at::Tensor& x) : height(x.size(2)), width(x.size(3)) {}

  int64_t height, width;

  int64_t pixels() const { return height * width; }
  /// Which tap of the kernel leads from a pixel of the input to one of the output.
  int64_t tap(int64_t to, int64_t from) const {
    const int64_t down = from / width - to / width, right = from % width - to % width;
    return (down + 1) * kTaps + right + 1;
  }
};

/// All numbers of each picture in a row: (B, H·W·C).
at::Tensor rows(const at::Tensor& x) {
  return channelsLast(x).permute({0, 2, 3, 1}).reshape({x.size(0), -1});
}

/// What `rows` has made of pictures (B, C, H, W), channels last.
at::Tensor pictures(const at::Tensor& rows, int64_t channels, const Map& map) {
  return rows.view({rows.size(0), map.height, map.width, channels}).permute({0, 3, 1, 2});
}

/// The weight from all channels of all pixels to all channels of all pixels: (H·W·out, H·W·in).
at::Tensor denseWeight(const at::Tensor& weight, const Map& map) {
  const int64_t out = weight.size(0), in = weight.size(1), pixels = map.pixels();
  const auto contiguous = channelsLast(weight);  // (out, 3, 3, in) in memory
  const auto dense = at::empty({pixels * out, pixels * in}, weight.options());
  const auto* const source = contiguous.const_data_ptr<BFloat16>();
  auto* const target = dense.data_ptr<BFloat16>();
  parallelFor(pixels * out, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const BFloat16* const taps = source + row % out * kTaps * kTaps * in;
      for (int64_t from = 0; from < pixels; ++from) {
        std::copy_n(taps + map.tap(row / out, from) * in, in, target + (row * pixels + from) * in);
      }
    }
  });
  return dense;
}

/// Adds up what a dense gradient has for each tap of one output channel.
/// @param sums  (3 · 3 · in), zero
void addTaps(const BFloat16* dense, int64_t channel, int64_t out, int64_t in, const Map& map,
             std::vector<float>& sums) {
  const int64_t pixels = map.pixels();
  for (int64_t to = 0; to < pixels; ++to) {
    for (int64_t from = 0; from < pixels; ++from) {
      const BFloat16* const part = dense + ((to * out + channel) * pixels + from) * in;
      float* const sum = &sums[map.tap(to, from) * in];
      for (int64_t i = 0; i < in; ++i) sum[i] += part[i];
    }
  }
}

}  // namespace

bool usesDenseConvolution(const ConvolutionShape& shape) {
  const bool isPossible = shape.kernel == kTaps && shape.stride == 1 && shape.padding == 1 &&
                          std::max(shape.height, shape.width) <= kMostSide;
  return isPossible && (shape.pictures >= kFewestPictures || shape.height * shape.width == 1);
}

at::Tensor denseConvolution(const at::Tensor& x, const at::Tensor& weight) {
  RECORD_FUNCTION("moco::convolution", {});
  const Map map(x);
  return pictures(at::mm(rows(x), denseWeight(weight, map).t()), weight.size(0), map);
}

at::Tensor denseConvolutionInputGradient(const at::Tensor& dy, const at::Tensor& weight) {
  RECORD_FUNCTION("moco::convolution_input_gradient", {});
  const Map map(dy);
  return pictures(at::mm(rows(dy), denseWeight(weight, map)), weight.size(1), map);
}

at::Tensor denseConvolutionWeightGradient(const at::Tensor& dy, const at::Tensor& x) {
  RECORD_FUNCTION("moco::convolution_weight_gradient", {});
  const Map map(x);
  const int64_t out = dy.size(1), in = x.size(1);
  const auto dense = at::mm(rows(dy).t(), rows(x));
  const auto gradient = at::empty({out, kTaps, kTaps, in}, x.options());
  const auto* const source = dense.const_data_ptr<BFloat16>();
  auto* const target = gradient.data_ptr<BFloat16>();
  parallelFor(out, [&](int64_t begin, int64_t end) {
    std::vector<float> sums(kTaps * kTaps * in);
    for (int64_t channel = begin; channel < end; ++channel) {
      std::fill(sums.begin(), sums.end(), 0.0f);
      addTaps(source, channel, out, in, map, sums);
      std::copy(sums.begin(), sums.end(), target + channel * kTaps * kTaps * in);
    }
  });
  return gradient.permute({0, 3, 1, 2});
}

}  // namespace moco
