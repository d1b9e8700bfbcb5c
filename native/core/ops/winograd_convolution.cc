#include "core/ops/winograd_convolution.h"

#include <ATen/ceil_div.h>
#include <ATen/record_function.h>

#include <array>
#include <vector>

#include "core/base/threads.h"
#include "core/device/device.h"
#include "core/ops/channels_last.h"
#include "core/ops/winograd_convolution_kernels.h"
#include "core/ops/winograd_convolution_tiles.h"

namespace moco {
namespace {

using c10::BFloat16;
using kernels::winograd_convolution::kOutput;
using kernels::winograd_convolution::kPanel;
using kernels::winograd_convolution::kPoints;
using kernels::winograd_convolution::kTaps;
using winograd::PointMatrices;
using winograd::simd;
using winograd::Tiles;

/// Tiles of a block, which are transformed at a time. So few stay in the second-level cache (1 MB).
constexpr int64_t kTilesAtOnce = 12;

/// A transformed weight: for each panel of kPanel channels of the result, and for each point, a
/// matrix (from, kPanel).
struct TransformedWeight {
  TransformedWeight(int64_t from, int64_t to) : from(from), to(to) {
    for (int64_t panel = 0; panel < to / kPanel; ++panel) panels.emplace_back(from * kPanel);
  }

  int64_t from, to;  // numbers of channels
  std::vector<PointMatrices> panels;
};

/// The weight of the convolution itself, from input channels to output channels.
TransformedWeight transformed(const at::Tensor& weight) {
  const int64_t out = weight.size(0), in = weight.size(1);
  const TransformedWeight result(in, out);
  const auto contiguous = channelsLast(weight);
  const auto* const numbers = contiguous.const_data_ptr<BFloat16>();
  const int64_t pairs = in / 2;
  parallelFor(out / kPanel * pairs, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t panel = i / pairs, channel = i % pairs * 2;
      simd().transformWeight(numbers + panel * kPanel * kTaps * kTaps * in + channel, in,
                             result.panels[panel].from(channel * kPanel));
    }
  });
  return result;
}

/// The weight of the convolution of dy that gives the gradient by the input: from output channels
/// to input channels, with the kernel turned by 180°.
TransformedWeight transformedForInputGradient(const at::Tensor& weight) {
  const int64_t out = weight.size(0), in = weight.size(1);
  const TransformedWeight result(out, in);
  const auto contiguous = channelsLast(weight);
  const auto* const numbers = contiguous.const_data_ptr<BFloat16>();
  parallelFor(out, [&](int64_t begin, int64_t end) {
    for (int64_t channel = begin; channel < end; ++channel) {
      for (int64_t panel = 0; panel < in / kPanel; ++panel) {
        simd().transformTurnedWeight(numbers + channel * kTaps * kTaps * in + panel * kPanel, in,
                                     result.panels[panel].from(channel * kPanel));
      }
    }
  });
  return result;
}

/// A convolution, computed in blocks of kTilesAtOnce tiles.
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

}  // namespace

bool usesWinogradConvolution(const ConvolutionShape& shape) {
  const bool isPossible = kernels::winograd_convolution::kernels() && shape.kernel == 3 &&
                          shape.stride == 1 && shape.padding == 1 && shape.in % kPanel == 0 &&
                          shape.out % kPanel == 0;
  // Transforming the weight costs as much as some dozen tiles. The transformed weight must stay in
  // the last-level cache: for 2^16 pairs of channels it takes 9 MB. And the pictures must fill at
  // least three quarters of the pixels of their tiles.
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

at::Tensor winogradConvolutionInputGradient(const at::Tensor& dy, const at::Tensor& weight) {
  RECORD_FUNCTION("moco::convolution_input_gradient", {});
  return TiledConvolution(dy, transformedForInputGradient(weight))();
}

}  // namespace moco
