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
constexpr int64_t kMostNumbers =
    128 * 1024;  // that are copied for a block, where that can be chosen

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
    Bf16* const memory = inPlace < rows ? memory_.get() : nullptr;
    if (memory) copy(first + inPlace, rows - inPlace, memory);
    for (int64_t row = 0; row < rows; row += kTileRows) {
      const Bf16* const from = row < inPlace ? patches_.pixels() + (first + row) * aStride()
                                             : memory + (row - inPlace) * aStride();
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

/// Pixel by pixel, that pixel of up to 32 pictures. Taps outside of the pictures are left out. For
/// small pictures.
class PixelsOfPictures : public TileBlocks {
 public:
  explicit PixelsOfPictures(const Call<Bf16>& call)
      : TileBlocks(call.shape.in, call.shape.in,
                   call.shape.outHeight() * call.shape.outWidth() * call.shape.out),
        shape_(call.shape),
        x_(call.x),
        together_(std::min(2 * kTileRows, at::ceil_div(shape_.pictures, kTileRows) * kTileRows)),
        memory_(shape_.height * shape_.width * together_ * shape_.in) {
    for (int64_t y = 0; y < shape_.outHeight(); ++y) {
      for (int64_t x = 0; x < shape_.outWidth(); ++x) {
        Group& group = groups_[{tapsInside(y, shape_.height), tapsInside(x, shape_.width)}];
        group.pixels.push_back({y, x});
      }
    }
    for (auto& [taps, group] : groups_) group.terms = termsOf(taps.first, taps.second);
  }

  int64_t count() const override { return at::ceil_div(shape_.pictures, together_); }

  void fill(int64_t block) override {
    clear();
    const int64_t first = block * together_;
    const int64_t pictures = std::min(together_, shape_.pictures - first);
    for (int64_t picture = 0; picture < pictures; ++picture) copy(first + picture, picture);
    for (const auto& [taps, group] : groups_) {
      for (const auto& pixel : group.pixels) addPixel(pixel, group.terms, first, pictures);
    }
  }

 private:
  struct Taps {
    int64_t begin, end;
    bool operator<(const Taps& other) const {
      return std::pair(begin, end) < std::pair(other.begin, other.end);
    }
  };
  struct Pixel {
    int64_t y, x;
  };
  /// Pixels of the output with the same taps.
  struct Group {
    std::vector<Pixel> pixels;
    std::vector<Term> terms;
  };

  int64_t firstUnder(int64_t at) const { return at * shape_.stride - shape_.padding; }

  /// Which of a line of taps are inside of the picture.
  Taps tapsInside(int64_t at, int64_t side) const {
    const int64_t first = firstUnder(at);
    return {std::max<int64_t>(0, -first), std::min(shape_.kernel, side - first)};
  }

  /// Where a pixel's numbers begin: numbers from the beginning of the memory.
  int64_t place(int64_t y, int64_t x) const {
    return (y * shape_.width + x) * together_ * shape_.in;
  }

  std::vector<Term> termsOf(const Taps& down, const Taps& right) const {
    std::vector<Term> terms;
    for (int64_t y = down.begin; y < down.end; ++y) {
      for (int64_t x = right.begin; x < right.end; ++x) {
        terms.push_back({place(y, x), (y * shape_.kernel + x) * shape_.in * kColumns});
      }
    }
    return terms;
  }

  void copy(int64_t picture, int64_t place) {
    const int64_t pixels = shape_.height * shape_.width;
    const Bf16* from = x_ + picture * pixels * shape_.in;
    Bf16* to = memory_.get() + place * shape_.in;
    for (int64_t pixel = 0; pixel < pixels; ++pixel) {
      std::copy_n(from, shape_.in, to);
      from += shape_.in;
      to += together_ * shape_.in;
    }
  }

  void addPixel(const Pixel& pixel, const std::vector<Term>& terms, int64_t first,
                int64_t pictures) {
    const Bf16* const from = memory_.get() + place(firstUnder(pixel.y), firstUnder(pixel.x));
    const int64_t to = (pixel.y * shape_.outWidth() + pixel.x) * shape_.out;
    for (int64_t picture = 0; picture < pictures; picture += kTileRows) {
      add({from + picture * shape_.in, (first + picture) * toStride() + to,
           std::min(kTileRows, pictures - picture)},
          terms);
    }
  }

  const ConvolutionShape& shape_;
  const Bf16* x_;
  int64_t together_;  // pictures
  Copies memory_;
  std::map<std::pair<Taps, Taps>, Group> groups_;  // by the taps inside: down, right
};

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
    if (shape.pictures >= kFewestPixels) return std::make_unique<PixelsOfPictures>(call);
  }
  return std::make_unique<Gathered>(call);
}

}  // namespace moco::fused
