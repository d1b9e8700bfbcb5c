#include <ATen/ceil_div.h>

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "core/base/threads.h"
#include "core/ops/fused_call.h"
#include "core/ops/fused_convolution_kernels.h"
#include "core/ops/fused_winograd_transforms.h"
#include "core/ops/winograd_convolution_tiles.h"

namespace moco::fused {
namespace {

using kernels::fused_convolution::kPanel;
using kernels::winograd_convolution::kTaps;
using winograd::kInput;
using winograd::kPoints;
using winograd::PointMatrices;
using winograd::Tiles;

/// Tiles of a block. The more there are, the less often the weight comes from memory; the fewer,
/// the nearer to the core their transformed numbers stay.
int64_t tilesAtOnce(int64_t count) { return std::min<int64_t>(count, 48); }

/// The tiles of a batch, some at a time.
template <typename T>
class TiledConvolution {
 public:
  explicit TiledConvolution(const Call<T>& call)
      : call_(call),
        shape_(call.shape),
        simd_(*kernels::fused_convolution::kernels<T>()),
        tiles_(shape_.pictures, shape_.height, shape_.width),
        atOnce_(tilesAtOnce(tiles_.count())),
        inputs_(atOnce_ * shape_.in),
        outputs_(atOnce_ * shape_.out),
        zeros_(shape_.in, T(0)) {}

  void operator()() const {
    for (int64_t first = 0; first < tiles_.count(); first += atOnce_) {
      const int64_t count = std::min(atOnce_, tiles_.count() - first);
      parallelFor(count, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) transformInput(first + i, i);
      });
      const int64_t panels = shape_.out / kPanel;
      parallelFor(kPoints * panels, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) multiply(count, i / panels, i % panels);
      });
      parallelFor(count, [&](int64_t begin, int64_t end) {
        std::vector<T> outside(shape_.out);
        for (int64_t i = begin; i < end; ++i) transformOutput(first + i, i, outside.data());
      });
    }
  }

 private:
  void transformInput(int64_t tile, int64_t row) const {
    const auto pixels = tiles_.inputs(tile, call_.x, shape_.in, zeros_.data());
    simd_.transformInput(pixels.data(), shape_.in, inputs_.from(row * shape_.in));
  }

  void multiply(int64_t count, int64_t point, int64_t panel) const {
    static constexpr std::array<float, kPanel> kNoBias{};
    const int64_t number = point * (shape_.out / kPanel) + panel;
    kernels::fused_convolution::kernels<float>()->multiply(
        {.a = inputs_.at(point, 0),
         .aStride = shape_.in,
         .rowScales = nullptr,
         .rows = count,
         .depth = shape_.in,
         .b = call_.template weightAs<float>() + number * shape_.in * kPanel,
         .columnScales = nullptr,
         .bias = kNoBias.data(),
         .addend = nullptr,
         .least = -std::numeric_limits<float>::infinity(),
         .to = outputs_.at(point, panel * kPanel),
         .stride = shape_.out});
  }

  /// @param outside  takes and gives what pixels outside of the pictures would
  void transformOutput(int64_t tile, int64_t row, T* outside) const {
    const auto pixels = tiles_.outputs(tile, call_.y, shape_.out, outside);
    const auto addends =
        tiles_.outputs<const T>(tile, call_.addend ? call_.addend : call_.y, shape_.out, outside);
    simd_.transformOutput(outputs_.from(row * shape_.out), shape_.out,
                          {.bias = call_.bias,
                           .addends = call_.addend ? addends.data() : nullptr,
                           .least = call_.least(),
                           .pixels = pixels.data()});
  }

  const Call<T>& call_;
  const ConvolutionShape& shape_;
  const kernels::fused_convolution::Kernels<T>& simd_;
  Tiles tiles_;
  int64_t atOnce_;
  PointMatrices inputs_, outputs_;
  std::vector<T> zeros_;
};

/// G w Gᵀ of nine taps.
std::array<double, kPoints> transformedTaps(const float* taps) {
  constexpr auto kMatrix = fused_winograd::weightMatrix();
  double half[kInput][kTaps];
  for (int64_t row = 0; row < kInput; ++row) {
    for (int64_t column = 0; column < kTaps; ++column) {
      half[row][column] = kMatrix[row][0] * taps[column] + kMatrix[row][1] * taps[kTaps + column] +
                          kMatrix[row][2] * taps[2 * kTaps + column];
    }
  }
  std::array<double, kPoints> points;
  for (int64_t row = 0; row < kInput; ++row) {
    for (int64_t column = 0; column < kInput; ++column) {
      points[row * kInput + column] = half[row][0] * kMatrix[column][0] +
                                      half[row][1] * kMatrix[column][1] +
                                      half[row][2] * kMatrix[column][2];
    }
  }
  return points;
}

}  // namespace

PackedWeight transformed(const at::Tensor& weight) {
  const int64_t out = weight.size(0), in = weight.size(1), panels = out / kPanel;
  const auto contiguous = weight.contiguous();
  const auto* const taps = contiguous.const_data_ptr<float>();
  const auto result = at::empty({kPoints, panels, in, kPanel}, at::kFloat);
  auto* const numbers = result.data_ptr<float>();
  parallelFor(panels * in, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t panel = i / in, channel = i % in;
      for (int64_t column = 0; column < kPanel; ++column) {
        const int64_t kernel = (panel * kPanel + column) * in + channel;
        const auto points = transformedTaps(taps + kernel * kTaps * kTaps);
        for (int64_t point = 0; point < kPoints; ++point) {
          numbers[((point * panels + panel) * in + channel) * kPanel + column] =
              static_cast<float>(points[point]);
        }
      }
    }
  });
  return {result, {}};
}

template <typename T>
void convolveByWinograd(const Call<T>& call) {
  TiledConvolution<T>{call}();
}

template void convolveByWinograd(const Call<float>& call);
template void convolveByWinograd(const Call<c10::BFloat16>& call);

}  // namespace moco::fused
