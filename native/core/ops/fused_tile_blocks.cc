#include "core/ops/fused_tile_blocks.h"

#include <ATen/ceil_div.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <utility>

#include "core/ops/fused_patches.h"

namespace moco::fused {
namespace {

using Bf16 = c10::BFloat16;
using kernels::fused_tiles::kColumns;
using kernels::fused_tiles::kDepth;
using kernels::fused_tiles::kTileRows;
using kernels::fused_tiles::RowBlock;
using kernels::fused_tiles::Rows;
using kernels::fused_tiles::Term;

constexpr int64_t kMostRows = 256;  // of a block
/// Numbers that are copied for a block at most, where that can be chosen, and where only halved.
constexpr int64_t kMostNumbers = 128 * 1024;
constexpr int64_t kMostToCopy = 512 * 1024;

/// Memory for numbers that are copied, all zero at first. Only a thread that fills blocks needs it.
class Copies {
 public:
  explicit Copies(int64_t numbers) : count_(numbers) {}

  Bf16* get() {
    if (!memory_.defined()) {
      memory_ = at::empty({count_}, at::kBFloat16);
      std::memset(memory_.data_ptr(), 0, memory_.nbytes());
    }
    return memory_.data_ptr<Bf16>();
  }

 private:
  int64_t count_;
  at::Tensor memory_;
};

/// Pixels as they lie, or the pixels under the kernel gathered row by row. For all convolutions.
class Gathered : public TileBlocks {
 public:
  explicit Gathered(const Call<Bf16>& call)
      : TileBlocks(Patches<Bf16>(call).depth(), Patches<Bf16>(call).depth(), call.shape.out),
        patches_(call),
        total_(call.shape.rows()),
        most_(std::clamp(kMostNumbers / patches_.depth() / kRowsTogether * kRowsTogether,
                         kRowsTogether, kMostRows)),
        memory_((patches_.areAllPixels() ? kTileRows : most_) * patches_.depth()) {}

  int64_t count() const override { return at::ceil_div(total_, most_); }

  void fill(int64_t block) override {
    clear();
    const int64_t first = block * most_, rows = std::min(most_, total_ - first);
    // The last tile needs rows to read beyond the last one.
    const int64_t inPlace = patches_.areAllPixels() ? rows / kTileRows * kTileRows : 0;
    if (inPlace < rows) copy(first + inPlace, rows - inPlace, memory_.get());
    for (int64_t row = 0; row < rows; row += kTileRows) {
      const Bf16* const from = row < inPlace ? patches_.pixels() + (first + row) * aStride()
                                             : memory_.get() + (row - inPlace) * aStride();
      add({from, (first + row) * toStride(), std::min(kTileRows, rows - row)}, terms_);
    }
  }

 private:
  static constexpr int64_t kRowsTogether = 2 * kTileRows;

  void copy(int64_t first, int64_t count, Bf16* memory) {
    std::array<const Bf16*, kMostRows> from;
    patches_.find(first, count, memory, from.data());
    for (int64_t row = 0; row < count; ++row) {
      Bf16* const to = memory + row * aStride();
      if (from[row] != to) std::copy_n(from[row], aStride(), to);
    }
  }

  Patches<Bf16> patches_;
  int64_t total_, most_;
  Copies memory_;
  std::vector<Term> terms_{{0, 0}};
};

/// Some lines of a picture, with zeros around it: 16 pixels side by side of the output are as far
/// from each other under every tap of the kernel. For wide pictures.
class PictureLines : public TileBlocks {
 public:
  explicit PictureLines(const Call<Bf16>& call)
      : TileBlocks(call.shape.stride * call.shape.in, call.shape.in, call.shape.out),
        shape_(call.shape),
        x_(call.x),
        lineLength_((shape_.width + 2 * shape_.padding) * shape_.in),
        most_(std::clamp(kMostRows / shape_.outWidth(), int64_t{1}, shape_.outHeight())),
        blocksOfPicture_(at::ceil_div(shape_.outHeight(), most_)),
        memory_(linesOf(most_) * lineLength_ + kTileRows * aStride()) {
    for (int64_t tap = 0; tap < shape_.kernel * shape_.kernel; ++tap) {
      const int64_t y = tap / shape_.kernel, x = tap % shape_.kernel;
      terms_.push_back({y * lineLength_ + x * shape_.in, tap * shape_.in * kColumns});
    }
  }

  int64_t count() const override { return shape_.pictures * blocksOfPicture_; }

  void fill(int64_t block) override {
    clear();
    const int64_t picture = block / blocksOfPicture_, top = block % blocksOfPicture_ * most_;
    const int64_t lines = std::min(most_, shape_.outHeight() - top), width = shape_.outWidth();
    for (int64_t line = 0; line < linesOf(lines); ++line) {
      copy(picture, top * shape_.stride - shape_.padding + line, line);
    }
    for (int64_t line = 0; line < lines; ++line) {
      const Bf16* const from = memory_.get() + line * shape_.stride * lineLength_;
      const int64_t to = (picture * shape_.outHeight() + top + line) * width * shape_.out;
      for (int64_t x = 0; x < width; x += kTileRows) {
        add({from + x * aStride(), to + x * shape_.out, std::min(kTileRows, width - x)}, terms_);
      }
    }
  }

 private:
  /// Lines of the input under so many of the output.
  int64_t linesOf(int64_t outLines) const { return (outLines - 1) * shape_.stride + shape_.kernel; }

  void copy(int64_t picture, int64_t y, int64_t line) {
    Bf16* const to = memory_.get() + line * lineLength_ + shape_.padding * shape_.in;
    const int64_t length = shape_.width * shape_.in;
    if (y < 0 || y >= shape_.height) {
      std::fill_n(to, length, Bf16(0));
    } else {
      std::copy_n(x_ + (picture * shape_.height + y) * length, length, to);
    }
  }

  const ConvolutionShape& shape_;
  const Bf16* x_;
  int64_t lineLength_;  // numbers
  int64_t most_;        // lines of the output in a block
  int64_t blocksOfPicture_;
  Copies memory_;
  std::vector<Term> terms_;
};

/// Which pixels of what is multiplied a pixel of the results is made of, along one direction.
struct Under {
  /// A tap of the kernel, and the pixel under it, counted from `first`.
  struct Tap {
    int64_t number, pixel;
    bool operator<(const Tap& other) const {
      return std::pair(number, pixel) < std::pair(other.number, other.pixel);
    }
  };

  int64_t first;
  std::vector<Tap> taps;  // those inside of the picture
};

/// Of a convolution: output pixel `at` and a side of the input.
Under underOutput(const ConvolutionShape& shape, int64_t at, int64_t side) {
  Under under{at * shape.stride - shape.padding, {}};
  for (int64_t tap = 0; tap < shape.kernel; ++tap) {
    const int64_t pixel = under.first + tap;
    if (pixel >= 0 && pixel < side) under.taps.push_back({tap, tap});
  }
  return under;
}

/// Of its gradient by the input: input pixel `at` and a side of the output.
Under underInput(const ConvolutionShape& shape, int64_t at, int64_t side) {
  Under under{(at + shape.padding) / shape.stride, {}};
  for (int64_t tap = 0; tap < shape.kernel; ++tap) {
    const int64_t distance = at + shape.padding - tap;  // stride · pixel
    if (distance < 0 || distance % shape.stride != 0) continue;
    const int64_t pixel = distance / shape.stride;
    if (pixel < side) under.taps.push_back({tap, pixel - under.first});
  }
  return under;
}

/// Pixel by pixel, that pixel of up to 32 pictures. Taps outside of the pictures are left out. For
/// small pictures, and for the gradient by the input at any stride.
class PixelsOfPictures : public TileBlocks {
 public:
  /// What a block of rows makes of pictures.
  struct Map {
    int64_t height, width, channels;        // of what is multiplied
    int64_t toHeight, toWidth, toChannels;  // of the results
    Under (*under)(const ConvolutionShape& shape, int64_t at, int64_t side);
    bool isTurnedRound;  // whether the weight is, whose taps then come in the other order
  };

  PixelsOfPictures(const Call<Bf16>& call, const Map& map)
      : TileBlocks(map.channels, map.channels, map.toHeight * map.toWidth * map.toChannels),
        map_(map),
        kernel_(call.shape.kernel),
        pictures_(call.shape.pictures),
        x_(call.x),
        together_(picturesTogether()),
        memory_(map.height * map.width * together_ * map.channels) {
    for (int64_t y = 0; y < map.toHeight; ++y) {
      const Under down = map.under(call.shape, y, map.height);
      for (int64_t x = 0; x < map.toWidth; ++x) {
        const Under right = map.under(call.shape, x, map.width);
        Group& group = groups_[{down.taps, right.taps}];
        if (group.terms.empty()) group.terms = termsOf(down.taps, right.taps);
        group.pixels.push_back({place(down.first, right.first), y * map.toWidth + x});
      }
    }
  }

  int64_t count() const override { return at::ceil_div(pictures_, together_); }

  void fill(int64_t block) override {
    clear();
    const int64_t first = block * together_;
    const int64_t pictures = std::min(together_, pictures_ - first);
    for (int64_t picture = 0; picture < pictures; ++picture) copy(first + picture, picture);
    for (const auto& [taps, group] : groups_) {
      for (const auto& pixel : group.pixels) addPixel(pixel, group.terms, first, pictures);
    }
  }

 private:
  using Taps = std::vector<Under::Tap>;
  struct Pixel {
    int64_t first;  // where the first pixel under it is: numbers from the beginning of the memory
    int64_t number;
  };
  /// Pixels of the results with the same taps.
  struct Group {
    std::vector<Pixel> pixels;
    std::vector<Term> terms;
  };

  int64_t picturesTogether() const {
    const int64_t most = 2 * kTileRows;
    const bool areMany = map_.height * map_.width * map_.channels * most > kMostToCopy;
    return std::min(areMany ? kTileRows : most, at::ceil_div(pictures_, kTileRows) * kTileRows);
  }

  /// Where a pixel's numbers begin: numbers from the beginning of the memory.
  int64_t place(int64_t y, int64_t x) const {
    return (y * map_.width + x) * together_ * map_.channels;
  }

  std::vector<Term> termsOf(const Taps& down, const Taps& right) const {
    std::vector<Term> terms;
    for (const auto& y : down) {
      for (const auto& x : right) {
        const int64_t tap = y.number * kernel_ + x.number;
        const int64_t inOrder = map_.isTurnedRound ? kernel_ * kernel_ - 1 - tap : tap;
        terms.push_back({place(y.pixel, x.pixel), inOrder * map_.channels * kColumns});
      }
    }
    return terms;
  }

  void copy(int64_t picture, int64_t place) {
    const int64_t pixels = map_.height * map_.width;
    const Bf16* from = x_ + picture * pixels * map_.channels;
    Bf16* to = memory_.get() + place * map_.channels;
    for (int64_t pixel = 0; pixel < pixels; ++pixel) {
      std::copy_n(from, map_.channels, to);
      from += map_.channels;
      to += together_ * map_.channels;
    }
  }

  void addPixel(const Pixel& pixel, const std::vector<Term>& terms, int64_t first,
                int64_t pictures) {
    const Bf16* const from = memory_.get() + pixel.first;
    for (int64_t picture = 0; picture < pictures; picture += kTileRows) {
      add({from + picture * map_.channels,
           (first + picture) * toStride() + pixel.number * map_.toChannels,
           std::min(kTileRows, pictures - picture)},
          terms);
    }
  }

  Map map_;
  int64_t kernel_, pictures_;
  const Bf16* x_;
  int64_t together_;  // pictures
  Copies memory_;
  std::map<std::pair<Taps, Taps>, Group> groups_;  // by the taps inside: down, right
};

PixelsOfPictures::Map outputMap(const ConvolutionShape& shape) {
  return {.height = shape.height,
          .width = shape.width,
          .channels = shape.in,
          .toHeight = shape.outHeight(),
          .toWidth = shape.outWidth(),
          .toChannels = shape.out,
          .under = underOutput,
          .isTurnedRound = false};
}

PixelsOfPictures::Map inputGradientMap(const ConvolutionShape& shape) {
  return {.height = shape.outHeight(),
          .width = shape.outWidth(),
          .channels = shape.out,
          .toHeight = shape.height,
          .toWidth = shape.width,
          .toChannels = shape.in,
          .under = underInput,
          .isTurnedRound = true};
}

}  // namespace

void TileBlocks::add(const Rows& rows, const std::vector<Term>& terms) {
  RowBlock* const last = rows_.empty() ? nullptr : &rows_.back();
  if (last && last->terms == terms.data() && last->rows[1].count == 0) {
    last->rows[1] = rows;
  } else {
    rows_.push_back({{rows, {rows.a, 0, 0}}, terms.data(), static_cast<int64_t>(terms.size())});
  }
}

std::unique_ptr<TileBlocks> tileBlocks(const Call<Bf16>& call) {
  const auto& shape = call.shape;
  // A quarter of a tile that is computed in vain costs less than gathering.
  constexpr int64_t kFewestPixels = 12;
  if (shape.kernel > 1 && shape.in % kDepth == 0) {
    if (shape.outWidth() >= kFewestPixels) return std::make_unique<PictureLines>(call);
    if (shape.pictures >= kFewestPixels)
      return std::make_unique<PixelsOfPictures>(call, outputMap(shape));
  }
  return std::make_unique<Gathered>(call);
}

std::unique_ptr<TileBlocks> inputGradientTileBlocks(const Call<Bf16>& call) {
  return std::make_unique<PixelsOfPictures>(call, inputGradientMap(call.shape));
}

}  // namespace moco::fused
