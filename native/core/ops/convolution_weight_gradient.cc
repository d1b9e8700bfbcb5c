#include "core/ops/convolution_weight_gradient.h"

#include <ATen/ceil_div.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <array>

#include "core/base/threads.h"
#include "core/device/device.h"
#include "core/ops/channels_last.h"
#include "core/ops/convolution_weight_gradient_kernels.h"

namespace moco {
namespace {

using c10::BFloat16;
using kernels::convolution_weight_gradient::kDyTile;
using kernels::convolution_weight_gradient::kXTile;
using kernels::convolution_weight_gradient::Lines;
using kernels::convolution_weight_gradient::linesFetchedBy;

/// Rows of a block, which are packed at a time. With so many, sums are seldom loaded and stored;
/// with so few, the packed tiles and the rows of the next block stay in the second-level cache, of
/// 1 MB.
constexpr int64_t kBlockRows = 512;
constexpr int64_t kBlockPairs = kBlockRows / 2;
/// The rows are divided into slices with sums of their own, so that threads need not share rows.
constexpr int64_t kLeastSliceRows = 4096;
constexpr int64_t kMostSlices = 16;
/// Pairs of rows of dY that are packed for all tiles before the next pairs are.
constexpr int64_t kPairsTogether = 8;
constexpr int64_t kLine = 64;  // bytes of a cache line

const kernels::convolution_weight_gradient::Kernels& simd() {
  return *kernels::convolution_weight_gradient::kernels();
}

struct Range {
  int64_t begin, end;
  int64_t length() const { return end - begin; }
};

Lines linesOf(const BFloat16* numbers, int64_t count) {
  return {reinterpret_cast<const char*>(numbers),
          count * static_cast<int64_t>(sizeof(BFloat16)) / kLine};
}

/// Memory to fetch into the cache, piece by piece.
struct Fetches {
  std::array<Lines, 2> lines;

  /// The next lines to fetch, at most `most`.
  Lines take(int64_t most) {
    Lines& from = lines[0].count > 0 ? lines[0] : lines[1];
    const Lines taken{from.first, std::min(most, from.count)};
    from.first += taken.count * kLine;
    from.count -= taken.count;
    return taken;
  }
};

/// The product dYᵀ·X, where X has a column for each input channel at each tap of the kernel. It is
/// computed tile by tile, and slice by slice of the rows.
class WeightGradientSums {
 public:
  WeightGradientSums(const at::Tensor& dy, const at::Tensor& x, const ConvolutionShape& shape);

  /// Computes the sums of all tiles in all slices.
  void multiply() const;
  /// Adds up the slices, in order, and rounds to the gradient.
  at::Tensor round() const;

 private:
  /// Pointers to a block's rows. Where their number is odd, a row of zeros completes the last pair.
  using Rows = std::array<const BFloat16*, kBlockRows>;
  struct Scratch {
    uint32_t* tilesOfDy;  // (tiles, kBlockPairs, kDyTile)
    uint32_t* tileOfX;    // (kBlockPairs, kXTile)
  };

  Range rowsOf(int64_t slice) const;
  void findDy(const Range& block, Rows& rows) const;
  /// Finds the pixels that a tap sees; outside of the picture they are zeros.
  void findX(const Range& block, int64_t tap, Rows& rows) const;
  void multiplySlice(int64_t slice, const Range& tiles, const Scratch& scratch) const;
  void multiplyBlock(const Range& block, const Range& tiles, bool add, float* sums,
                     const Scratch& scratch) const;
  /// The memory in which, roughly, the rows after a block lie.
  Fetches rowsAfter(const Range& block, const Range& tiles) const;
  int64_t sumsPerTileOfDy() const { return taps_ * tilesOfX_ * kDyTile * kXTile; }

  ConvolutionShape shape_;
  int64_t taps_, tilesOfDy_, tilesOfX_;  // tilesOfX_: of one tap
  int64_t sliceRows_, slices_;
  at::Tensor dy_, x_, zeros_;
  at::Tensor sums_;  // (slices, tilesOfDy, taps, tilesOfX, kDyTile, kXTile)
};

WeightGradientSums::WeightGradientSums(const at::Tensor& dy, const at::Tensor& x,
                                       const ConvolutionShape& shape)
    : shape_(shape),
      taps_(shape.kernel * shape.kernel),
      tilesOfDy_(at::ceil_div(shape.out, kDyTile)),
      tilesOfX_(at::ceil_div(shape.in, kXTile)),
      dy_(channelsLast(dy)),
      x_(channelsLast(x)),
      zeros_(at::zeros({std::max(shape.in, shape.out)}, dy.options())) {
  const int64_t slices = std::clamp<int64_t>(shape.rows() / kLeastSliceRows, 1, kMostSlices);
  sliceRows_ = at::ceil_div(at::ceil_div(shape.rows(), slices), kBlockRows) * kBlockRows;
  slices_ = at::ceil_div(shape.rows(), sliceRows_);
  sums_ = at::empty({slices_, tilesOfDy_, sumsPerTileOfDy()}, dy.options().dtype(at::kFloat));
}

void WeightGradientSums::multiply() const {
  parallelFor(slices_ * tilesOfDy_, [&](int64_t begin, int64_t end) {
    const int64_t size = kBlockPairs * (kDyTile * tilesOfDy_ + kXTile);
    const auto memory = at::empty({size}, at::device(at::kCPU).dtype(at::kInt));
    auto* const tiles = reinterpret_cast<uint32_t*>(memory.data_ptr<int32_t>());
    const Scratch scratch{tiles, tiles + kBlockPairs * kDyTile * tilesOfDy_};
    while (begin < end) {
      const int64_t slice = begin / tilesOfDy_;
      const int64_t sliceEnd = std::min(end, (slice + 1) * tilesOfDy_);
      multiplySlice(slice, {begin - slice * tilesOfDy_, sliceEnd - slice * tilesOfDy_}, scratch);
      begin = sliceEnd;
    }
  });
}

void WeightGradientSums::multiplySlice(int64_t slice, const Range& tiles,
                                       const Scratch& scratch) const {
  float* const sums =
      sums_.data_ptr<float>() + (slice * tilesOfDy_ + tiles.begin) * sumsPerTileOfDy();
  const Range rows = rowsOf(slice);
  for (int64_t begin = rows.begin; begin < rows.end; begin += kBlockRows) {
    const Range block{begin, std::min(begin + kBlockRows, rows.end)};
    multiplyBlock(block, tiles, /*add=*/begin > rows.begin, sums, scratch);
  }
}

void WeightGradientSums::multiplyBlock(const Range& block, const Range& tiles, bool add,
                                       float* sums, const Scratch& scratch) const {
  const int64_t pairs = at::ceil_div<int64_t>(block.length(), 2);
  const auto tileOfDy = [&](int64_t tile) {
    return scratch.tilesOfDy + (tile - tiles.begin) * kBlockPairs * kDyTile;
  };
  Rows rows;
  findDy(block, rows);
  // A few rows at a time are packed for all tiles, so that each row is read from end to end.
  for (int64_t pair = 0; pair < pairs; pair += kPairsTogether) {
    const int64_t count = std::min(kPairsTogether, pairs - pair);
    for (int64_t tile = tiles.begin; tile < tiles.end; ++tile) {
      const int64_t first = tile * kDyTile;
      simd().packDyTile(rows.data() + 2 * pair, count, first, shape_.out - first,
                        tileOfDy(tile) + pair * kDyTile);
    }
  }
  Fetches fetches = rowsAfter(block, tiles);
  for (int64_t tap = 0; tap < taps_; ++tap) {
    findX(block, tap, rows);
    for (int64_t tileOfX = 0; tileOfX < tilesOfX_; ++tileOfX) {
      const int64_t first = tileOfX * kXTile;
      simd().packXTile(rows.data(), pairs, first, shape_.in - first, scratch.tileOfX);
      float* const column = sums + (tap * tilesOfX_ + tileOfX) * kDyTile * kXTile;
      for (int64_t tile = tiles.begin; tile < tiles.end; ++tile) {
        simd().multiply(tileOfDy(tile), scratch.tileOfX, pairs, add,
                        column + (tile - tiles.begin) * sumsPerTileOfDy(),
                        fetches.take(linesFetchedBy(pairs)));
      }
    }
  }
}

Fetches WeightGradientSums::rowsAfter(const Range& block, const Range& tiles) const {
  const int64_t rows = std::min(shape_.rows() - block.end, kBlockRows);
  const int64_t inPerRow = shape_.stride * shape_.stride * shape_.in;
  // Where only parts of the rows are read, fetching them whole would only fill the cache.
  const bool allOfDy = tiles.length() == tilesOfDy_;
  const bool allOfX = shape_.stride <= shape_.kernel;
  return {{linesOf(dy_.const_data_ptr<BFloat16>() + block.end * shape_.out,
                   allOfDy ? rows * shape_.out : 0),
           linesOf(x_.const_data_ptr<BFloat16>() + block.end * inPerRow,
                   allOfX ? rows * inPerRow : 0)}};
}

Range WeightGradientSums::rowsOf(int64_t slice) const {
  return {slice * sliceRows_, std::min((slice + 1) * sliceRows_, shape_.rows())};
}

void WeightGradientSums::findDy(const Range& block, Rows& rows) const {
  const BFloat16* const dy = dy_.const_data_ptr<BFloat16>();
  for (int64_t row = block.begin; row < block.end; ++row) {
    rows[row - block.begin] = dy + row * shape_.out;
  }
  if (block.length() % 2) rows[block.length()] = zeros_.const_data_ptr<BFloat16>();
}

void WeightGradientSums::findX(const Range& block, int64_t tap, Rows& rows) const {
  const BFloat16* const x = x_.const_data_ptr<BFloat16>();
  const BFloat16* const zeros = zeros_.const_data_ptr<BFloat16>();
  const int64_t down = tap / shape_.kernel - shape_.padding;
  const int64_t right = tap % shape_.kernel - shape_.padding;
  const int64_t outWidth = shape_.outWidth(), outHeight = shape_.outHeight();
  const auto inside = [](int64_t i, int64_t length) { return i >= 0 && i < length; };
  for (int64_t row = block.begin; row < block.end;) {
    const int64_t line = row / outWidth;  // of all pictures' outputs
    const int64_t y = line % outHeight * shape_.stride + down;
    const int64_t first = (line / outHeight * shape_.height + y) * shape_.width;  // pixel
    const int64_t end = std::min(block.end, (line + 1) * outWidth);
    for (; row < end; ++row) {
      const int64_t column = (row - line * outWidth) * shape_.stride + right;
      const bool isInside = inside(y, shape_.height) && inside(column, shape_.width);
      rows[row - block.begin] = isInside ? x + (first + column) * shape_.in : zeros;
    }
  }
  if (block.length() % 2) rows[block.length()] = zeros;
}

at::Tensor WeightGradientSums::round() const {
  const auto gradient = at::empty({shape_.out, taps_, shape_.in}, dy_.options());
  BFloat16* const to = gradient.data_ptr<BFloat16>();
  const float* const sums = sums_.const_data_ptr<float>();
  parallelFor(shape_.out, [&](int64_t begin, int64_t end) {
    for (int64_t out = begin; out < end; ++out) {
      const float* const row = sums + out / kDyTile * sumsPerTileOfDy() + out % kDyTile * kXTile;
      for (int64_t tile = 0; tile < taps_ * tilesOfX_; ++tile) {
        const int64_t tap = tile / tilesOfX_, first = tile % tilesOfX_ * kXTile;
        simd().addAndRound(row + tile * kDyTile * kXTile, slices_, tilesOfDy_ * sumsPerTileOfDy(),
                           std::min(kXTile, shape_.in - first),
                           to + (out * taps_ + tap) * shape_.in + first);
      }
    }
  });
  return gradient.view({shape_.out, shape_.kernel, shape_.kernel, shape_.in}).permute({0, 3, 1, 2});
}

}  // namespace

bool usesConvolutionWeightGradient(const ConvolutionShape& shape) {
  // On processors with AMX, its tiles are far faster (tile_convolution.h), and so is oneDNN. Fewer
  // channels leave tiles half empty. 3×3 kernels of stride 1 are oneDNN's best case: with 128 and
  // 256 channels, in batches that are too small for Winograd's algorithm, it is up to 4 % faster.
  const bool fillsTiles = shape.in >= kXTile && shape.out >= kXTile;
  const bool oneDnnIsFaster =
      shape.kernel > 1 && shape.stride == 1 && shape.in > 64 && shape.in < 512;
  const bool hasWork = shape.rows() > 0;
  return kernels::convolution_weight_gradient::kernels() && !cpuHasAmx() && hasWork && fillsTiles &&
         !oneDnnIsFaster;
}

at::Tensor convolutionWeightGradient(const at::Tensor& dy, const at::Tensor& x,
                                     const ConvolutionShape& shape) {
  RECORD_FUNCTION("moco::convolution_weight_gradient", {});
  const WeightGradientSums sums(dy, x, shape);
  sums.multiply();
  return sums.round();
}

}  // namespace moco
