#include "core/ops/winograd_convolution.h"

#include <ATen/Parallel.h>
#include <ATen/ceil_div.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <array>
#include <vector>

#include "core/base/threads.h"
#include "core/device/device.h"
#include "core/ops/channels_last.h"
#include "core/ops/winograd_convolution_kernels.h"

namespace moco {
namespace {

using c10::BFloat16;
using kernels::winograd::kInput;
using kernels::winograd::kLanes;
using kernels::winograd::kOutput;
using kernels::winograd::kPanel;
using kernels::winograd::kPoints;
using kernels::winograd::Points;

/// Tiles that are transformed at a time, so that they stay in the second-level cache (1 MB).
constexpr int64_t kTilesAtOnce = 12;
/// … for the gradient by the weight, so many that its sums are seldom loaded.
constexpr int64_t kSummedTiles = 64;
/// A slice of the tiles has sums of its own, of up to 9 MB; it is not worth them with fewer tiles.
constexpr int64_t kLeastSliceTiles = 128;
constexpr int64_t kMostSlices = 8;
constexpr int64_t kCacheLine = 16;  // numbers

const kernels::winograd::Kernels& simd() { return *kernels::winograd::kernels(); }

/// Sets of kPoints matrices of `numbers` each. Where a power of two lay between matrices, all would
/// fall into the same few lines of a cache.
struct PointMatrices {
  explicit PointMatrices(int64_t numbers, int64_t sets = 1)
      : stride(numbers + kCacheLine), memory(at::empty({sets, distance()}, at::kFloat)) {}

  int64_t distance() const { return kPoints * stride; }  // between sets
  Points from(int64_t number, int64_t set = 0) const {
    return {memory.data_ptr<float>() + set * distance() + number, stride};
  }
  float* at(int64_t point, int64_t number, int64_t set = 0) const {
    return from(number, set).first + point * stride;
  }

  int64_t stride;
  at::Tensor memory;
};

/// The tiles of a batch: kOutput × kOutput pixels, and the kInput × kInput around them that they
/// come from.
class Tiles {
 public:
  explicit Tiles(const at::Tensor& x)
      : pictures_(x.size(0)),
        height_(x.size(2)),
        width_(x.size(3)),
        down_(at::ceil_div(height_, kOutput)),
        across_(at::ceil_div(width_, kOutput)) {}

  int64_t count() const { return pictures_ * down_ * across_; }

  /// Pointers to the pixels of a tile's output; `outside` where there are none, as of all tiles
  /// from `count` on.
  template <typename T>
  auto outputs(int64_t tile, T* pixels, int64_t channels, T* outside) const {
    return around<kOutput>(tile, /*border=*/0, pixels, channels, outside);
  }
  template <typename T>
  auto inputs(int64_t tile, T* pixels, int64_t channels, T* outside) const {
    return around<kInput>(tile, /*border=*/1, pixels, channels, outside);
  }

 private:
  template <int64_t kSide, typename T>
  std::array<T*, kSide * kSide> around(int64_t tile, int64_t border, T* pixels, int64_t channels,
                                       T* outside) const {
    std::array<T*, kSide * kSide> pointers;
    const int64_t picture = tile / (down_ * across_);
    const int64_t top = tile / across_ % down_ * kOutput - border;
    const int64_t left = tile % across_ * kOutput - border;
    for (int64_t row = 0; row < kSide; ++row) {
      for (int64_t column = 0; column < kSide; ++column) {
        const int64_t y = top + row, x = left + column;
        const bool isInside = picture < pictures_ && y >= 0 && y < height_ && x >= 0 && x < width_;
        const int64_t pixel = (picture * height_ + y) * width_ + x;
        pointers[row * kSide + column] = isInside ? pixels + pixel * channels : outside;
      }
    }
    return pointers;
  }

  int64_t pictures_, height_, width_, down_, across_;
};

/// A convolution's weight, transformed: a matrix (from, kPanel) for each point of each panel of
/// output channels.
struct TransformedWeight {
  TransformedWeight(int64_t from, int64_t to) : from(from), to(to) {
    for (int64_t panel = 0; panel < to / kPanel; ++panel) panels.emplace_back(from * kPanel);
  }

  int64_t from, to;  // channels
  std::vector<PointMatrices> panels;
};

TransformedWeight transformed(const at::Tensor& weight) {
  const int64_t out = weight.size(0), in = weight.size(1);
  const TransformedWeight result(in, out);
  const auto contiguous = channelsLast(weight);
  const auto* const numbers = contiguous.const_data_ptr<BFloat16>();
  const int64_t pairs = in / 2;
  parallelFor(out / kPanel * pairs, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t panel = i / pairs, channel = i % pairs * 2;
      simd().transformWeight(numbers + panel * kPanel * 9 * in + channel, in,
                             result.panels[panel].from(channel * kPanel));
    }
  });
  return result;
}

/// Of the convolution that gives the gradient by the input: from output channels to input channels,
/// with the kernel turned.
TransformedWeight transformedForInputGradient(const at::Tensor& weight) {
  const int64_t out = weight.size(0), in = weight.size(1);
  const TransformedWeight result(out, in);
  const auto contiguous = channelsLast(weight);
  const auto* const numbers = contiguous.const_data_ptr<BFloat16>();
  parallelFor(out, [&](int64_t begin, int64_t end) {
    for (int64_t channel = begin; channel < end; ++channel) {
      for (int64_t panel = 0; panel < in / kPanel; ++panel) {
        simd().transformTurnedWeight(numbers + channel * 9 * in + panel * kPanel, in,
                                     result.panels[panel].from(channel * kPanel));
      }
    }
  });
  return result;
}

/// The convolution of blocks of tiles.
class TiledConvolution {
 public:
  TiledConvolution(const at::Tensor& x, const TransformedWeight& weight)
      : weight_(weight),
        x_(channelsLast(x)),
        y_(at::empty({x.size(0), weight.to, x.size(2), x.size(3)},
                     x.options().memory_format(at::MemoryFormat::ChannelsLast))),
        zeros_(at::zeros({weight.from}, x.options())),
        tiles_(x) {}

  at::Tensor operator()() const {
    parallelFor(at::ceil_div(tiles_.count(), kTilesAtOnce), [&](int64_t begin, int64_t end) {
      const PointMatrices inputs(kTilesAtOnce * weight_.from), outputs(kTilesAtOnce * kPanel);
      for (int64_t block = begin; block < end; ++block) {
        transformInputs(block, inputs);
        for (int64_t panel = 0; panel < std::ssize(weight_.panels); ++panel) {
          multiply(inputs, weight_.panels[panel], outputs);
          transformOutputs(block, panel, outputs);
        }
      }
    });
    return y_;
  }

 private:
  void transformInputs(int64_t block, const PointMatrices& to) const {
    for (int64_t tile = 0; tile < kTilesAtOnce; ++tile) {
      const auto pixels = tiles_.inputs(block * kTilesAtOnce + tile, x_.const_data_ptr<BFloat16>(),
                                        weight_.from, zeros_.const_data_ptr<BFloat16>());
      simd().transformInput(pixels.data(), weight_.from, to.from(tile * weight_.from));
    }
  }

  void multiply(const PointMatrices& inputs, const PointMatrices& weight,
                const PointMatrices& outputs) const {
    for (int64_t point = 0; point < kPoints; ++point) {
      simd().multiply({.a = inputs.at(point, 0),
                       .rowStride = weight_.from,
                       .depthStride = 1,
                       .b = weight.at(point, 0),
                       .bStride = kPanel,
                       .c = outputs.at(point, 0),
                       .cStride = kPanel,
                       .rows = kTilesAtOnce,
                       .depth = weight_.from,
                       .add = false});
    }
  }

  void transformOutputs(int64_t block, int64_t panel, const PointMatrices& from) const {
    std::array<BFloat16, kPanel> outside;
    for (int64_t tile = 0; tile < kTilesAtOnce; ++tile) {
      const auto pixels =
          tiles_.outputs(block * kTilesAtOnce + tile, y_.data_ptr<BFloat16>() + panel * kPanel,
                         weight_.to, outside.data());
      simd().transformOutput(from.from(tile * kPanel), kPanel, pixels.data());
    }
  }

  const TransformedWeight& weight_;
  at::Tensor x_, y_, zeros_;
  Tiles tiles_;
};

/// The sums over all tiles of A dy Aᵀ · Bᵀ x B, at each point and for each pair of channels. Slices
/// of the tiles have sums of their own, so that threads share nothing that they write: cores may be
/// far from each other.
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
    // Where there are more threads than slices, a slice's output channels are shared out.
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

  at::Tensor round() const {
    const auto gradient =
        at::empty({out_, in_, 3, 3}, x_.options().memory_format(at::MemoryFormat::ChannelsLast));
    auto* const to = gradient.data_ptr<BFloat16>();
    parallelFor(out_, [&](int64_t begin, int64_t end) {
      for (int64_t channel = begin; channel < end; ++channel) {
        simd().transformWeightGradient(sums_.from(channel * in_), slices_, sums_.distance(), in_,
                                       to + channel * 9 * in_);
      }
    });
    return gradient;
  }

  at::Tensor dy_, x_;
  int64_t out_, in_;
  at::Tensor zeros_;
  Tiles tiles_;
  int64_t slices_;
  PointMatrices sums_;  // for each slice (out, in)
};

}  // namespace

bool usesWinograd(const ConvolutionShape& shape) {
  const bool isPossible = kernels::winograd::kernels() && shape.kernel == 3 && shape.stride == 1 &&
                          shape.padding == 1 && shape.in % kPanel == 0 && shape.out % kPanel == 0;
  // Transforming the weight costs as much as some dozen tiles; it must stay in the last-level cache
  // (2^16 pairs of channels take 9 MB); and pictures must fill three quarters of their tiles.
  const int64_t tiles =
      shape.pictures * at::ceil_div(shape.height, kOutput) * at::ceil_div(shape.width, kOutput);
  const bool pays = tiles >= 128 && shape.in * shape.out <= 1 << 16 &&
                    3 * tiles * kOutput * kOutput <= 4 * shape.rows();
  return isPossible && pays && !cpuHasAmx();
}

at::Tensor winogradConvolution(const at::Tensor& x, const at::Tensor& weight) {
  RECORD_FUNCTION("moco::convolution", {});
  return TiledConvolution(x, transformed(weight))();
}

at::Tensor winogradInputGradient(const at::Tensor& dy, const at::Tensor& weight) {
  RECORD_FUNCTION("moco::convolution_input_gradient", {});
  return TiledConvolution(dy, transformedForInputGradient(weight))();
}

at::Tensor winogradWeightGradient(const at::Tensor& dy, const at::Tensor& x) {
  RECORD_FUNCTION("moco::convolution_weight_gradient", {});
  TORCH_CHECK(x.numel() > 0 && dy.size(0) == x.size(0) && dy.size(2) == x.size(2) &&
                  dy.size(3) == x.size(3),
              "a gradient of ", dy.sizes(), " for an input of ", x.sizes());
  return WeightGradient(dy, x)();
}

}  // namespace moco
