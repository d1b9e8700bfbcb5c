#include "core/winograd.h"

#include <ATen/record_function.h>

#include <algorithm>
#include <array>
#include <vector>

#include "core/device.h"
#include "core/threads.h"
#include "core/winograd_kernels.h"

namespace moco {
namespace {

using c10::BFloat16;
using kernels::winograd::kInput;
using kernels::winograd::kOutput;
using kernels::winograd::kPanel;
using kernels::winograd::kPoints;
using kernels::winograd::Points;
using kernels::winograd::Product;

/// Tiles that are transformed at a time, so that they stay in the second-level cache (1 MB).
constexpr int64_t kTilesAtOnce = 12;
/// Numbers of transformed inputs and output gradients that are kept at a time, so that they stay in
/// the last-level cache.
constexpr int64_t kKeptNumbers = 1 << 21;

const kernels::winograd::Kernels& simd() { return *kernels::winograd::kernels(); }

int64_t ceilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

at::Tensor channelsLast(const at::Tensor& x) {
  return x.contiguous(at::MemoryFormat::ChannelsLast);
}

/// kPoints matrices of `numbers` each. Where a power of two lay between them, all would fall into
/// the same few lines of a cache.
struct PointMatrices {
  explicit PointMatrices(int64_t numbers)
      : stride(numbers + 16), memory(at::empty({kPoints * stride}, at::kFloat)) {}

  Points from(int64_t number) const { return {memory.data_ptr<float>() + number, stride}; }
  float* at(int64_t point, int64_t number) const { return from(number).first + point * stride; }

  int64_t stride;
  at::Tensor memory;
};

/// The tiles of a batch: kOutput × kOutput pixels, and the kInput × kInput around them that they
/// come from.
class Tiles {
 public:
  explicit Tiles(const at::Tensor& x)
      : height_(x.size(2)),
        width_(x.size(3)),
        down_(ceilDivide(height_, kOutput)),
        across_(ceilDivide(width_, kOutput)),
        count_(x.size(0) * down_ * across_) {}

  int64_t count() const { return count_; }

  /// Pointers to the pixels of a tile's output; `outside` where there are none.
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
        const bool isInside = y >= 0 && y < height_ && x >= 0 && x < width_;
        const int64_t pixel = (picture * height_ + y) * width_ + x;
        pointers[row * kSide + column] = isInside ? pixels + pixel * channels : outside;
      }
    }
    return pointers;
  }

  int64_t height_, width_, down_, across_, count_;
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

at::Tensor convolve(const at::Tensor& input, const TransformedWeight& weight) {
  const auto x = channelsLast(input);
  const auto y = at::empty({x.size(0), weight.to, x.size(2), x.size(3)},
                           x.options().memory_format(at::MemoryFormat::ChannelsLast));
  const auto zeros = at::zeros({weight.from}, x.options());
  const auto* const from = x.const_data_ptr<BFloat16>();
  auto* const to = y.data_ptr<BFloat16>();
  const Tiles tiles(x);
  parallelFor(ceilDivide(tiles.count(), kTilesAtOnce), [&](int64_t begin, int64_t end) {
    const PointMatrices inputs(kTilesAtOnce * weight.from), outputs(kTilesAtOnce * kPanel);
    std::array<BFloat16, kPanel> outside;
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = block * kTilesAtOnce;
      const int64_t count = std::min(kTilesAtOnce, tiles.count() - first);
      for (int64_t tile = 0; tile < count; ++tile) {
        const auto pixels =
            tiles.inputs(first + tile, from, weight.from, zeros.const_data_ptr<BFloat16>());
        simd().transformInput(pixels.data(), weight.from, inputs.from(tile * weight.from));
      }
      for (int64_t panel = 0; panel < std::ssize(weight.panels); ++panel) {
        for (int64_t point = 0; point < kPoints; ++point) {
          simd().multiply({.a = inputs.at(point, 0),
                           .rowStride = weight.from,
                           .depthStride = 1,
                           .b = weight.panels[panel].at(point, 0),
                           .bStride = kPanel,
                           .c = outputs.at(point, 0),
                           .cStride = kPanel,
                           .rows = count,
                           .depth = weight.from,
                           .add = false});
        }
        for (int64_t tile = 0; tile < count; ++tile) {
          auto pixels = tiles.outputs(first + tile, to + panel * kPanel, weight.to, outside.data());
          simd().transformOutput(outputs.from(tile * kPanel), kPanel, pixels.data());
        }
      }
    }
  });
  return y;
}

/// The sums over all tiles of A dy Aᵀ (at a point) · Bᵀ x B, for each pair of channels.
class WeightGradient {
 public:
  WeightGradient(const at::Tensor& dy, const at::Tensor& x)
      : dy_(channelsLast(dy)),
        x_(channelsLast(x)),
        out_(dy.size(1)),
        in_(x.size(1)),
        tiles_(x_),
        tilesAtOnce_(evenShare(tiles_.count(), kKeptNumbers / (kPoints * (in_ + out_)))),
        gradients_(tilesAtOnce_ * out_),
        inputs_(tilesAtOnce_ * in_),
        sums_(out_ * in_) {}

  at::Tensor operator()() const {
    for (int64_t first = 0; first < tiles_.count(); first += tilesAtOnce_) {
      const int64_t count = std::min(tilesAtOnce_, tiles_.count() - first);
      transform(first, count);
      multiply(count, /*add=*/first > 0);
    }
    return round();
  }

 private:
  /// `count` in equal parts of about `most`.
  static int64_t evenShare(int64_t count, int64_t most) {
    return ceilDivide(count, ceilDivide(count, std::max<int64_t>(most, 1)));
  }

  void transform(int64_t first, int64_t count) const {
    const auto zeros = at::zeros({std::max(in_, out_)}, x_.options());
    const auto* const outside = zeros.const_data_ptr<BFloat16>();
    const auto* const x = x_.const_data_ptr<BFloat16>();
    const auto* const dy = dy_.const_data_ptr<BFloat16>();
    parallelFor(count, [&](int64_t begin, int64_t end) {
      for (int64_t tile = begin; tile < end; ++tile) {
        const auto inputs = tiles_.inputs(first + tile, x, in_, outside);
        simd().transformInput(inputs.data(), in_, inputs_.from(tile * in_));
        const auto outputs = tiles_.outputs(first + tile, dy, out_, outside);
        simd().transformOutputGradient(outputs.data(), out_, gradients_.from(tile * out_));
      }
    });
  }

  void multiply(int64_t count, bool add) const {
    const int64_t panels = in_ / kPanel;
    parallelFor(kPoints * panels, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t point = i / panels, first = i % panels * kPanel;
        simd().multiply({.a = gradients_.at(point, 0),
                         .rowStride = 1,
                         .depthStride = out_,
                         .b = inputs_.at(point, first),
                         .bStride = in_,
                         .c = sums_.at(point, first),
                         .cStride = in_,
                         .rows = out_,
                         .depth = count,
                         .add = add});
      }
    });
  }

  at::Tensor round() const {
    const auto gradient =
        at::empty({out_, in_, 3, 3}, x_.options().memory_format(at::MemoryFormat::ChannelsLast));
    auto* const to = gradient.data_ptr<BFloat16>();
    parallelFor(out_, [&](int64_t begin, int64_t end) {
      for (int64_t channel = begin; channel < end; ++channel) {
        simd().transformWeightGradient(sums_.from(channel * in_), in_, to + channel * 9 * in_);
      }
    });
    return gradient;
  }

  at::Tensor dy_, x_;
  int64_t out_, in_;
  Tiles tiles_;
  int64_t tilesAtOnce_;
  PointMatrices gradients_, inputs_;  // (tiles, channels)
  PointMatrices sums_;                // (out, in)
};

}  // namespace

bool usesWinograd(const ConvolutionShape& shape) {
  const bool isPossible = kernels::winograd::kernels() && shape.kernel == 3 && shape.stride == 1 &&
                          shape.padding == 1 && shape.in % kPanel == 0 && shape.out % kPanel == 0;
  // Transforming the weight costs as much as some dozen tiles; it must stay in the last-level cache
  // (2^16 weights take 9 MB); and of the tiles at the border most must lie within.
  const int64_t tiles =
      shape.pictures * ceilDivide(shape.height, kOutput) * ceilDivide(shape.width, kOutput);
  const bool pays = tiles >= 128 && shape.in * shape.out <= 1 << 16 &&
                    3 * tiles * kOutput * kOutput <= 4 * shape.rows();
  return isPossible && pays && !cpuHasAmx();
}

at::Tensor winogradConvolution(const at::Tensor& x, const at::Tensor& weight) {
  RECORD_FUNCTION("moco::convolution", {});
  return convolve(x, transformed(weight));
}

at::Tensor winogradInputGradient(const at::Tensor& dy, const at::Tensor& weight) {
  RECORD_FUNCTION("moco::convolution_input_gradient", {});
  return convolve(dy, transformedForInputGradient(weight));
}

at::Tensor winogradWeightGradient(const at::Tensor& dy, const at::Tensor& x) {
  RECORD_FUNCTION("moco::convolution_weight_gradient", {});
  return WeightGradient(dy, x)();
}

}  // namespace moco
