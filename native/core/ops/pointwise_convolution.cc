#include "core/ops/pointwise_convolution.h"

#include <ATen/ceil_div.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <array>

#include "core/base/threads.h"
#include "core/device/device.h"
#include "core/ops/channels_last.h"
#include "core/ops/pointwise_convolution_kernels.h"

namespace moco {
namespace {

using c10::BFloat16;
using kernels::pointwise_convolution::kPairs;
using kernels::pointwise_convolution::kPanel;
using kernels::pointwise_convolution::kRows;

/// Rows of a block, which is multiplied with one panel of the weight after the other. So few stay
/// in the second-level cache (1 MB) meanwhile.
constexpr int64_t kBlockRows = 8 * kRows;

const kernels::pointwise_convolution::Kernels& simd() {
  return *kernels::pointwise_convolution::kernels();
}

/// The pixels of a batch of pictures that a stride meets. They are the rows of the product.
struct Pixels {
  /// Every pixel, one after the other.
  static Pixels all() { return {.height = 1, .width = 1, .stride = 1, .down = 1, .across = 1}; }

  int64_t height, width, stride;
  int64_t down, across;  // how many pixels of a column and of a line are met

  /// Which pixel of the batch a row is.
  int64_t at(int64_t row) const {
    if (stride == 1) return row;
    const int64_t line = row / across;
    return (line / down * height + line % down * stride) * width + row % across * stride;
  }
};

Pixels pixelsOf(const ConvolutionShape& shape) {
  return {shape.height, shape.width, shape.stride, shape.outHeight(), shape.outWidth()};
}

/// A weight as a matrix (from, to), packed in panels of kPanel columns.
struct PackedWeight {
  PackedWeight(int64_t from, int64_t to)
      : from(from), to(to), memory(at::empty({to / kPanel, from / 2, kPanel}, at::kInt)) {}

  uint32_t* panel(int64_t number) const {
    return reinterpret_cast<uint32_t*>(memory.data_ptr<int32_t>()) + number * from / 2 * kPanel;
  }

  /// Calls `pack(panel, channel, to)` for each panel and each kPairs pairs of its rows; `channel`
  /// is the first row of the first pair, and `to` is where the packed pairs belong.
  template <typename Pack>
  void fill(const Pack& pack) const {
    const int64_t parts = from / (2 * kPairs);
    parallelFor(to / kPanel * parts, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t number = i / parts, pair = i % parts * kPairs;
        pack(number, 2 * pair, panel(number) + pair * kPanel);
      }
    });
  }

  int64_t from, to;  // channels
  at::Tensor memory;
};

/// Packs the transpose of a weight (out, in): rows are input channels.
PackedWeight packed(const at::Tensor& weight) {
  const int64_t out = weight.size(0), in = weight.size(1);
  const auto contiguous = weight.contiguous();
  const auto* const numbers = contiguous.const_data_ptr<BFloat16>();
  const PackedWeight result(in, out);
  result.fill([&](int64_t panel, int64_t channel, uint32_t* to) {
    simd().packColumns(numbers + panel * kPanel * in + channel, in, to);
  });
  return result;
}

/// Packs a weight (out, in) as it is: rows are output channels.
PackedWeight packedForInputGradient(const at::Tensor& weight) {
  const int64_t out = weight.size(0), in = weight.size(1);
  const auto contiguous = weight.contiguous();
  const auto* const numbers = contiguous.const_data_ptr<BFloat16>();
  const PackedWeight result(out, in);
  result.fill([&](int64_t panel, int64_t channel, uint32_t* to) {
    simd().packRows(numbers + channel * in + panel * kPanel, in, to);
  });
  return result;
}

/// The product of pixels with a weight.
class PixelProduct {
 public:
  /// @param rows  how many of `fromPixels` are read from `from`, and as many of `toPixels` are
  ///              written to `to`
  PixelProduct(int64_t rows, const PackedWeight& weight, const BFloat16* from,
               const Pixels& fromPixels, BFloat16* to, const Pixels& toPixels)
      : rows_(rows),
        weight_(weight),
        from_(from),
        to_(to),
        fromPixels_(fromPixels),
        toPixels_(toPixels) {}

  void operator()() const {
    const int64_t blocks = at::ceil_div(rows_, kBlockRows);
    parallelFor(blocks, [&](int64_t begin, int64_t end) {
      for (int64_t block = begin; block < end; ++block) multiplyBlock(block * kBlockRows);
    });
  }

 private:
  /// Pointers to a block's rows and to the kRows after it. Where there are no more rows, `from`
  /// repeats the last one, and the products go to `outside`.
  struct Block {
    std::array<const BFloat16*, kBlockRows + kRows> from;
    std::array<BFloat16*, kBlockRows> to;
    std::array<BFloat16, kPanel> outside;
  };

  void multiplyBlock(int64_t first) const {
    Block block;
    const auto from = [&](int64_t row) {
      return from_ + fromPixels_.at(std::min(row, rows_ - 1)) * weight_.from;
    };
    const int64_t count = std::min(kBlockRows, rows_ - first);
    for (int64_t row = 0; row < kBlockRows + kRows; ++row) block.from[row] = from(first + row);
    block.to.fill(block.outside.data());
    for (int64_t row = 0; row < count; ++row) {
      block.to[row] = to_ + toPixels_.at(first + row) * weight_.to;
    }
    for (int64_t panel = 0; panel < weight_.to / kPanel; ++panel) {
      for (int64_t row = 0; row < count; row += kRows) {
        simd().multiply(&block.from[row], &block.from[row + kRows], weight_.panel(panel),
                        weight_.from / 2, &block.to[row]);
      }
      for (int64_t row = 0; row < count; ++row) block.to[row] += kPanel;
    }
  }

  int64_t rows_;
  const PackedWeight& weight_;
  const BFloat16* from_;
  BFloat16* to_;
  Pixels fromPixels_, toPixels_;
};

bool isPossible(const ConvolutionShape& shape) {
  return kernels::pointwise_convolution::kernels() && shape.kernel == 1 && shape.padding == 0 &&
         shape.in % kPanel == 0 && shape.out % kPanel == 0 && shape.rows() > 0;
}

/// With fewer channels to add up, setting up a row costs more than multiplying it. On processors
/// with AMX, its tiles are far faster (tile_convolution.h), and so is oneDNN.
bool pays(int64_t channels) { return channels >= 128 && !cpuHasAmx(); }

}  // namespace

bool usesPointwiseConvolution(const ConvolutionShape& shape) {
  return isPossible(shape) && pays(shape.in);
}

bool usesPointwiseConvolutionInputGradient(const ConvolutionShape& shape) {
  return isPossible(shape) && pays(shape.out);
}

at::Tensor pointwiseConvolution(const at::Tensor& x, const at::Tensor& weight,
                                const ConvolutionShape& shape) {
  RECORD_FUNCTION("moco::convolution", {});
  const auto input = channelsLast(x);
  const auto y = at::empty({shape.pictures, shape.out, shape.outHeight(), shape.outWidth()},
                           x.options().memory_format(at::MemoryFormat::ChannelsLast));
  const auto matrix = packed(weight);
  PixelProduct(shape.rows(), matrix, input.const_data_ptr<BFloat16>(), pixelsOf(shape),
               y.data_ptr<BFloat16>(), Pixels::all())();
  return y;
}

at::Tensor pointwiseConvolutionInputGradient(const at::Tensor& dy, const at::Tensor& weight,
                                             const ConvolutionShape& shape) {
  RECORD_FUNCTION("moco::convolution_input_gradient", {});
  const auto gradient = channelsLast(dy);
  const auto dx = at::empty({shape.pictures, shape.in, shape.height, shape.width},
                            dy.options().memory_format(at::MemoryFormat::ChannelsLast));
  if (shape.stride > 1) dx.zero_();
  const auto matrix = packedForInputGradient(weight);
  PixelProduct(shape.rows(), matrix, gradient.const_data_ptr<BFloat16>(), Pixels::all(),
               dx.data_ptr<BFloat16>(), pixelsOf(shape))();
  return dx;
}

}  // namespace moco
