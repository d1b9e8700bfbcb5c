#include "core/ops/tile_convolution.h"

#include <ATen/record_function.h>

#include <algorithm>

#include "core/base/threads.h"
#include "core/ops/channels_last.h"
#include "core/ops/fused_call.h"
#include "core/ops/fused_tiles_kernels.h"

namespace moco {
namespace {

using c10::BFloat16;

bool isPossible(const ConvolutionShape& shape) {
  using kernels::fused_tiles::kColumns;
  return kernels::fused_tiles::kernels() && shape.in % kColumns == 0 && shape.out % kColumns == 0 &&
         shape.rows() > 0;
}

/// The convolution of whose output the input's gradient is, at stride 1.
ConvolutionShape turnedRound(const ConvolutionShape& shape) {
  return {.pictures = shape.pictures,
          .height = shape.outHeight(),
          .width = shape.outWidth(),
          .in = shape.out,
          .out = shape.in,
          .kernel = shape.kernel,
          .stride = 1,
          .padding = shape.kernel - 1 - shape.padding};
}

/// Whether the gradient by the input is a convolution of the output's gradient, and, where a 1×1
/// kernel leaves pixels out, zeros.
bool isTurnedRound(const ConvolutionShape& shape) {
  return (shape.stride == 1 && shape.padding < shape.kernel) ||
         (shape.kernel == 1 && shape.padding == 0);
}

/// Whether it is added up pixel by pixel: those of ResNets' convolutions with a stride.
bool isByPixels(const ConvolutionShape& shape) {
  constexpr int64_t kFewestPictures = 12;  // with fewer, most of a tile is empty
  return shape.kernel == 3 && shape.stride == 2 && shape.padding == 1 &&
         shape.pictures >= kFewestPictures;
}

/// @param compute  what computes it
/// @param packed   the weight as that wants it
/// @param y        the result, channels last
/// @return         y
at::Tensor computed(void (*compute)(const fused::Call<BFloat16>& call), const at::Tensor& x,
                    const fused::PackedWeight& packed, const ConvolutionShape& shape,
                    const at::Tensor& y) {
  const auto input = channelsLast(x);
  const auto bias = at::zeros({y.size(1)}, at::kFloat);
  compute({.shape = shape,
           .x = input.const_data_ptr<BFloat16>(),
           .weight = packed.numbers.const_data_ptr(),
           .scales = nullptr,
           .bias = bias.const_data_ptr<float>(),
           .addend = nullptr,
           .relu = false,
           .y = y.data_ptr<BFloat16>()});
  return y;
}

at::Tensor emptyOutput(const ConvolutionShape& shape, const at::TensorOptions& options) {
  return at::empty({shape.pictures, shape.out, shape.outHeight(), shape.outWidth()},
                   options.memory_format(at::MemoryFormat::ChannelsLast));
}

at::Tensor emptyInput(const ConvolutionShape& shape, const at::TensorOptions& options) {
  return at::empty({shape.pictures, shape.in, shape.height, shape.width},
                   options.memory_format(at::MemoryFormat::ChannelsLast));
}

/// The pixels that a 1×1 kernel with a stride has met, at their places; the others are zero.
at::Tensor amongZeros(const at::Tensor& met, const ConvolutionShape& shape) {
  const auto all = emptyInput(shape, met.options()).zero_();
  const BFloat16* const from = met.const_data_ptr<BFloat16>();
  BFloat16* const to = all.data_ptr<BFloat16>();
  const int64_t lines = shape.outHeight(), width = shape.outWidth();
  parallelFor(shape.pictures * lines, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t line = i / lines * shape.height + i % lines * shape.stride;
      for (int64_t x = 0; x < width; ++x) {
        std::copy_n(from + (i * width + x) * shape.in, shape.in,
                    to + (line * shape.width + x * shape.stride) * shape.in);
      }
    }
  });
  return all;
}

}  // namespace

bool usesTileConvolution(const ConvolutionShape& shape) { return isPossible(shape); }

bool usesTileConvolutionInputGradient(const ConvolutionShape& shape) {
  return isPossible(shape) && (isTurnedRound(shape) || isByPixels(shape));
}

at::Tensor tileConvolution(const at::Tensor& x, const at::Tensor& weight,
                           const ConvolutionShape& shape) {
  RECORD_FUNCTION("moco::convolution", {});
  return computed(fused::convolveInTiles, x, fused::packedForTiles(weight), shape,
                  emptyOutput(shape, x.options()));
}

at::Tensor tileConvolutionInputGradient(const at::Tensor& dy, const at::Tensor& weight,
                                        const ConvolutionShape& shape) {
  RECORD_FUNCTION("moco::convolution_input_gradient", {});
  const auto packed = fused::packedForTilesTurnedRound(weight);
  if (!isTurnedRound(shape)) {
    return computed(fused::inputGradientInTiles, dy, packed, shape,
                    emptyInput(shape, dy.options()));
  }
  const auto round = turnedRound(shape);
  const auto met =
      computed(fused::convolveInTiles, dy, packed, round, emptyOutput(round, dy.options()));
  return shape.stride == 1 ? met : amongZeros(met, shape);
}

}  // namespace moco
