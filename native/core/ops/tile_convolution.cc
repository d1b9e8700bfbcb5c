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

/// Whether the gradient by the input has the input's shape, without the pixels that a stride leaves
/// out.
bool isTurnedRound(const ConvolutionShape& shape) {
  return shape.stride == 1 || (shape.kernel == 1 && shape.padding == 0);
}

/// @param packed  fused::packedForTiles, or packedForTilesTurnedRound
at::Tensor convolved(const at::Tensor& x, const fused::PackedWeight& packed,
                     const ConvolutionShape& shape) {
  const auto input = channelsLast(x);
  const auto y = at::empty({shape.pictures, shape.out, shape.outHeight(), shape.outWidth()},
                           x.options().memory_format(at::MemoryFormat::ChannelsLast));
  const auto bias = at::zeros({shape.out}, at::kFloat);
  fused::convolveInTiles({.shape = shape,
                          .x = input.const_data_ptr<BFloat16>(),
                          .weight = packed.numbers.const_data_ptr(),
                          .scales = nullptr,
                          .bias = bias.const_data_ptr<float>(),
                          .addend = nullptr,
                          .relu = false,
                          .y = y.data_ptr<BFloat16>()});
  return y;
}

/// The pixels that a 1×1 kernel with a stride has met, at their places; the others are zero.
at::Tensor amongZeros(const at::Tensor& met, const ConvolutionShape& shape) {
  const auto all = at::empty({shape.pictures, shape.in, shape.height, shape.width},
                             met.options().memory_format(at::MemoryFormat::ChannelsLast))
                       .zero_();
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
  return isPossible(shape) && isTurnedRound(shape) && shape.padding < shape.kernel;
}

at::Tensor tileConvolution(const at::Tensor& x, const at::Tensor& weight,
                           const ConvolutionShape& shape) {
  RECORD_FUNCTION("moco::convolution", {});
  return convolved(x, fused::packedForTiles(weight), shape);
}

at::Tensor tileConvolutionInputGradient(const at::Tensor& dy, const at::Tensor& weight,
                                        const ConvolutionShape& shape) {
  RECORD_FUNCTION("moco::convolution_input_gradient", {});
  const auto met = convolved(dy, fused::packedForTilesTurnedRound(weight), turnedRound(shape));
  return shape.stride == 1 ? met : amongZeros(met, shape);
}

}  // namespace moco
