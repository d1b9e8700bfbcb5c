#include <ATen/ceil_div.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <vector>

#include "core/base/threads.h"
#include "core/ops/channels_last.h"
#include "core/ops/tile_convolution.h"
#include "core/ops/tile_weight_gradient_kernels.h"
#include "core/ops/tiles_in_use.h"

namespace moco {
namespace {

using c10::BFloat16;
using kernels::tile_weight_gradient::kBlock;
using kernels::tile_weight_gradient::kPictures;
using kernels::tile_weight_gradient::Line;
using kernels::tile_weight_gradient::Pixels;

const kernels::tile_weight_gradient::Kernels& simd() {
  return *kernels::tile_weight_gradient::kernels();
}

constexpr int64_t kSums = kBlock * kBlock;  // numbers of a block
/// The sums of the channels that a task computes, and the pixels that it packs at a time, stay in
/// the second-level cache, of 2 MB.
constexpr int64_t kMostSums = 160 * 1024;
constexpr int64_t kMostPacked = 512 * 1024;
/// So that threads have something to share, whatever the shape.
constexpr int64_t kFewestTasks = 16;
/// With fewer pictures, most of a tile is empty.
constexpr int64_t kFewestPictures = 24;

struct Range {
  int64_t begin, end;
  int64_t length() const { return end - begin; }
};

/// Part `index` of `count`, where each has `length` but perhaps the last.
Range part(int64_t index, int64_t length, int64_t count) {
  return {index * length, std::min((index + 1) * length, count)};
}

/// Whether every pixel is under some tap of the kernel, at some place.
bool meetsAllPixels(const ConvolutionShape& shape) {
  return shape.stride == 1 || shape.kernel > 1 || shape.padding > 0;
}

/// The same convolution without the pixels that none of its taps meet.
ConvolutionShape withoutStride(ConvolutionShape shape) {
  shape.height = shape.outHeight();
  shape.width = shape.outWidth();
  shape.stride = 1;
  return shape;
}

/// The gradient's sums, task by task. A task has some of the input's channels, and a slice of the
/// units: some lines of the output, in kPictures pictures.
class TileWeightGradient {
 public:
  TileWeightGradient(const at::Tensor& dy, const at::Tensor& x, const ConvolutionShape& shape)
      : shape_(meetsAllPixels(shape) ? shape : withoutStride(shape)),
        xStep_(meetsAllPixels(shape) ? 1 : shape.stride),
        xHeight_(shape.height),
        xWidth_(shape.width),
        taps_(shape.kernel * shape.kernel),
        dy_(channelsLast(dy)),
        x_(channelsLast(x)),
        zeros_(at::zeros({std::max(shape.in, shape.out)}, x.options())),
        channels_(std::clamp(kMostSums / (taps_ * shape.out) / kBlock * kBlock, kBlock, shape.in)),
        ranges_(at::ceil_div(shape.in, channels_)),
        lines_(std::clamp(kMostPacked / kPictures / shape.outWidth() / (channels_ + shape.out),
                          int64_t{1}, shape.outHeight())),
        bands_(at::ceil_div(shape.outHeight(), lines_)),
        units_(at::ceil_div(shape.pictures, kPictures) * bands_),
        slices_(std::clamp(kFewestTasks / ranges_, int64_t{1}, units_)),
        sums_(at::empty({slices_, shape.in / kBlock, shape.out / kBlock, taps_, kSums},
                        at::kFloat)) {}

  at::Tensor operator()() const {
    parallelFor(ranges_ * slices_, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) compute(i / slices_, i % slices_);
    });
    return rounded();
  }

 private:
  /// What a task packs: a band of some pictures.
  struct Packed {
    at::Tensor x, dy;
    Range xLines, dyLines, channels;
  };

  float* sums(int64_t slice, int64_t xBlock, int64_t dyBlock, int64_t tap) const {
    const int64_t inBlocks = shape_.in / kBlock, outBlocks = shape_.out / kBlock;
    return sums_.data_ptr<float>() +
           (((slice * inBlocks + xBlock) * outBlocks + dyBlock) * taps_ + tap) * kSums;
  }

  void compute(int64_t range, int64_t slice) const {
    const Range channels = part(range, channels_, shape_.in);
    float* const first = sums(slice, channels.begin / kBlock, 0, 0);
    std::fill_n(first, channels.length() * shape_.out * taps_, 0.0f);
    const int64_t xLines = (lines_ - 1) * shape_.stride + shape_.kernel;
    Packed packed{
        .x = at::empty({xLines * shape_.width * channels_ * kPictures}, x_.options()),
        .dy = at::empty({lines_ * shape_.outWidth() * shape_.out * kPictures}, x_.options()),
        .xLines = {},
        .dyLines = {},
        .channels = channels};
    const TilesInUse tiles;
    const int64_t end = (slice + 1) * units_ / slices_;
    for (int64_t unit = slice * units_ / slices_; unit < end; ++unit) {
      pack(unit, packed);
      for (int64_t block = channels.begin; block < channels.end; block += kBlock) {
        multiply(packed, slice, block);
      }
    }
  }

  /// The same channels of the same pixel in the pictures of a group; those that are missing are
  /// zero.
  Pixels pixelsAt(const BFloat16* first, int64_t pictureSize, int64_t group) const {
    Pixels pixels;
    for (int64_t i = 0; i < kPictures; ++i) {
      const int64_t picture = group * kPictures + i;
      pixels[i] = picture < shape_.pictures ? first + picture * pictureSize
                                            : zeros_.const_data_ptr<BFloat16>();
    }
    return pixels;
  }

  void pack(int64_t unit, Packed& to) const {
    const int64_t group = unit / bands_;
    to.dyLines = part(unit % bands_, lines_, shape_.outHeight());
    to.xLines = {std::max<int64_t>(0, to.dyLines.begin * shape_.stride - shape_.padding),
                 std::min(shape_.height,
                          (to.dyLines.end - 1) * shape_.stride - shape_.padding + shape_.kernel)};
    const int64_t width = shape_.width, outWidth = shape_.outWidth();
    auto* const x = to.x.data_ptr<BFloat16>();
    for (int64_t i = to.xLines.begin * width; i < to.xLines.end * width; ++i) {
      const int64_t pixel = (i / width * xWidth_ + i % width) * xStep_;
      const auto* const first =
          x_.const_data_ptr<BFloat16>() + pixel * shape_.in + to.channels.begin;
      simd().packX(pixelsAt(first, xHeight_ * xWidth_ * shape_.in, group), to.channels.length(),
                   x + (i - to.xLines.begin * width) * to.channels.length() * kPictures);
    }
    auto* const dy = to.dy.data_ptr<BFloat16>();
    for (int64_t i = to.dyLines.begin * outWidth; i < to.dyLines.end * outWidth; ++i) {
      const auto* const first = dy_.const_data_ptr<BFloat16>() + i * shape_.out;
      simd().packDy(pixelsAt(first, shape_.outHeight() * outWidth * shape_.out, group), shape_.out,
                    dy + (i - to.dyLines.begin * outWidth) * shape_.out * kPictures);
    }
  }

  /// Which pixels of a line of the output have the tap inside of the picture.
  /// @param tap   along this direction
  /// @param side  of the picture, and of the output
  Range inside(int64_t tap, int64_t side, int64_t outSide) const {
    const int64_t before = shape_.padding - tap;  // how far the tap is before the pixel
    return {before > 0 ? at::ceil_div(before, shape_.stride) : 0,
            std::min(outSide, side + before > 0 ? at::ceil_div(side + before, shape_.stride) : 0)};
  }

  /// Adds up the products of a block of the input's channels with all of the output's.
  void multiply(const Packed& packed, int64_t slice, int64_t block) const {
    const int64_t xSize = packed.channels.length() * kPictures, dySize = shape_.out * kPictures;
    std::vector<Line> lines;
    for (int64_t tap = 0; tap < taps_; ++tap) {
      const int64_t down = tap / shape_.kernel, right = tap % shape_.kernel;
      const Range columns = inside(right, shape_.width, shape_.outWidth());
      const Range rows = inside(down, shape_.height, shape_.outHeight());
      if (columns.length() <= 0) continue;
      lines.clear();
      for (int64_t y = std::max(rows.begin, packed.dyLines.begin);
           y < std::min(rows.end, packed.dyLines.end); ++y) {
        const int64_t xLine = y * shape_.stride - shape_.padding + down - packed.xLines.begin;
        const int64_t xColumn = columns.begin * shape_.stride - shape_.padding + right;
        const int64_t dyLine = y - packed.dyLines.begin;
        lines.push_back(
            {packed.x.const_data_ptr<BFloat16>() + (xLine * shape_.width + xColumn) * xSize,
             packed.dy.const_data_ptr<BFloat16>() +
                 (dyLine * shape_.outWidth() + columns.begin) * dySize});
      }
      if (lines.empty()) continue;
      for (int64_t out = 0; out < shape_.out; out += kBlock) {
        simd().multiply({.lines = lines.data(),
                         .lineCount = static_cast<int64_t>(lines.size()),
                         .pixels = columns.length(),
                         .xAt = (block - packed.channels.begin) * kPictures,
                         .dyAt = out * kPictures,
                         .xStep = shape_.stride * xSize,
                         .dyStep = dySize,
                         .sums = sums(slice, block / kBlock, out / kBlock, tap)});
      }
    }
  }

  /// What the slices have, added up.
  at::Tensor rounded() const {
    const auto gradient =
        at::empty({shape_.out, shape_.kernel, shape_.kernel, shape_.in}, x_.options());
    const int64_t inBlocks = shape_.in / kBlock;
    parallelFor(shape_.out / kBlock * inBlocks, [&](int64_t begin, int64_t end) {
      std::vector<const float*> parts(slices_);
      for (int64_t i = begin; i < end; ++i) {
        const int64_t dyBlock = i / inBlocks, xBlock = i % inBlocks;
        for (int64_t tap = 0; tap < taps_; ++tap) {
          for (int64_t slice = 0; slice < slices_; ++slice) {
            parts[slice] = sums(slice, xBlock, dyBlock, tap);
          }
          simd().finish(parts.data(), slices_,
                        gradient.data_ptr<BFloat16>() +
                            (dyBlock * kBlock * taps_ + tap) * shape_.in + xBlock * kBlock,
                        taps_ * shape_.in);
        }
      }
    });
    return gradient.permute({0, 3, 1, 2});
  }

  ConvolutionShape shape_;  // of what is packed
  int64_t xStep_;           // from one pixel of x that is packed to the next, either way
  int64_t xHeight_, xWidth_;
  int64_t taps_;
  at::Tensor dy_, x_;
  at::Tensor zeros_;  // a pixel
  int64_t channels_;  // of a task
  int64_t ranges_;    // of channels
  int64_t lines_;     // of the output in a band
  int64_t bands_;     // of a picture
  int64_t units_;
  int64_t slices_;
  at::Tensor sums_;  // (slices, in / kBlock, out / kBlock, taps, kBlock, kBlock)
};

}  // namespace

bool usesTileConvolutionWeightGradient(const ConvolutionShape& shape) {
  return kernels::tile_weight_gradient::kernels() && shape.in % kBlock == 0 &&
         shape.out % kBlock == 0 && shape.pictures >= kFewestPictures && shape.rows() > 0;
}

at::Tensor tileConvolutionWeightGradient(const at::Tensor& dy, const at::Tensor& x,
                                         const ConvolutionShape& shape) {
  RECORD_FUNCTION("moco::convolution_weight_gradient", {});
  return TileWeightGradient(dy, x, shape)();
}

}  // namespace moco
