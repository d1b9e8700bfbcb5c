#include "core/ops/winograd_convolution_weight_gradient.h"

#include <ATen/Parallel.h>
#include <ATen/ceil_div.h>
#include <ATen/record_function.h>

#include <algorithm>

#include "core/base/threads.h"
#include "core/ops/channels_last.h"
#include "core/ops/winograd_convolution_kernels.h"
#include "core/ops/winograd_convolution_tiles.h"

namespace moco {
namespace {

using c10::BFloat16;
using kernels::winograd_convolution::kLanes;
using kernels::winograd_convolution::kPanel;
using kernels::winograd_convolution::kPoints;
using kernels::winograd_convolution::kTaps;
using winograd::PointMatrices;
using winograd::simd;
using winograd::Tiles;

/// Tiles that are transformed at a time: so many that the sums are seldom loaded and stored.
constexpr int64_t kSummedTiles = 64;
/// A slice of fewer tiles is not worth the memory of its sums, up to 9 MB.
constexpr int64_t kLeastSliceTiles = 128;
constexpr int64_t kMostSlices = 8;

/// Sums over all tiles: at each point and for each pair of channels, those of A dy Aᵀ times Bᵀ x B.
/// The tiles are divided into slices with sums of their own, so that threads share nothing that
/// they write; their cores may be far from each other.
class WeightGradient {
 public:
  WeightGradient(const at::Tensor& dy, const at::Tensor& x)
      : dy_(channelsLast(dy)),
        x_(channelsLast(x)),
        out_(dy.size(1)),
        in_(x.size(1)),
        zeros_(at::zeros({std::max(in_, out_)}, x.options())),
        tiles_(x),
        slices_(std::clamp<int64_t>(tiles_.count() / kLeastSliceTiles, 1, kMostSlices)),
        sums_(out_ * in_, slices_) {}

  at::Tensor operator()() const {
    // Where there are more threads than slices, several threads share the output channels of a
    // slice.
    const int64_t groups = out_ / kLanes;
    const int64_t shares = std::min(at::ceil_div<int64_t>(at::get_num_threads(), slices_), groups);
    parallelFor(slices_ * shares, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t share = i % shares;
        sumSlice(i / shares,
                 {share * groups / shares * kLanes, (share + 1) * groups / shares * kLanes});
      }
    });
    return round();
  }

 private:
  struct Range {
    int64_t begin, end;
    int64_t length() const { return end - begin; }
  };

  /// @param outputs  channels
  void sumSlice(int64_t slice, const Range& outputs) const {
    const Range tiles{slice * tiles_.count() / slices_, (slice + 1) * tiles_.count() / slices_};
    const PointMatrices gradients(kSummedTiles * outputs.length()), inputs(kSummedTiles * in_);
    for (int64_t first = tiles.begin; first < tiles.end; first += kSummedTiles) {
      const Range block{first, std::min(first + kSummedTiles, tiles.end)};
      transform(block, outputs, gradients, inputs);
      multiply(block.length(), outputs, gradients, inputs, slice, /*add=*/first > tiles.begin);
    }
  }

  void transform(const Range& tiles, const Range& outputs, const PointMatrices& gradients,
                 const PointMatrices& inputs) const {
    const auto* const outside = zeros_.const_data_ptr<BFloat16>();
    const auto* const x = x_.const_data_ptr<BFloat16>();
    const auto* const dy = dy_.const_data_ptr<BFloat16>() + outputs.begin;
    const int64_t channels = outputs.length();
    for (int64_t tile = tiles.begin; tile < tiles.end; ++tile) {
      const int64_t place = tile - tiles.begin;
      const auto in = tiles_.inputs(tile, x, in_, outside);
      simd().transformInput(in.data(), in_, inputs.from(place * in_));
      const auto out = tiles_.outputs(tile, dy, out_, outside);
      simd().transformOutputGradient(out.data(), channels, gradients.from(place * channels));
    }
  }

  void multiply(int64_t tiles, const Range& outputs, const PointMatrices& gradients,
                const PointMatrices& inputs, int64_t slice, bool add) const {
    for (int64_t point = 0; point < kPoints; ++point) {
      for (int64_t panel = 0; panel < in_; panel += kPanel) {
        simd().multiply({.a = gradients.at(point, 0),
                         .rowStride = 1,
                         .depthStride = outputs.length(),
                         .b = inputs.at(point, panel),
                         .bStride = in_,
                         .c = sums_.at(point, outputs.begin * in_ + panel, slice),
                         .cStride = in_,
                         .rows = outputs.length(),
                         .depth = tiles,
                         .add = add});
      }
    }
  }

  /// Adds up the slices, in order, and transforms and rounds the sums to the gradient.
  at::Tensor round() const {
    const auto gradient = at::empty({out_, in_, kTaps, kTaps},
                                    x_.options().memory_format(at::MemoryFormat::ChannelsLast));
    auto* const to = gradient.data_ptr<BFloat16>();
    parallelFor(out_, [&](int64_t begin, int64_t end) {
      for (int64_t channel = begin; channel < end; ++channel) {
        simd().transformWeightGradient(sums_.from(channel * in_), slices_, sums_.distance(), in_,
                                       to + channel * kTaps * kTaps * in_);
      }
    });
    return gradient;
  }

  at::Tensor dy_, x_;
  int64_t out_, in_;
  at::Tensor zeros_;
  Tiles tiles_;
  int64_t slices_;
  PointMatrices sums_;  // a set for each slice, of matrices (out, in)
};

}  // namespace

at::Tensor winogradConvolutionWeightGradient(const at::Tensor& dy, const at::Tensor& x) {
  RECORD_FUNCTION("moco::convolution_weight_gradient", {});
  TORCH_CHECK(x.numel() > 0 && dy.size(0) == x.size(0) && dy.size(2) == x.size(2) &&
                  dy.size(3) == x.size(3),
              "a gradient of ", dy.sizes(), " for an input of ", x.sizes());
  return WeightGradient(dy, x)();
}

}  // namespace moco
