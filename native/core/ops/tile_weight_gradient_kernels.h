#pragma once

#include <c10/util/BFloat16.h>

#include <array>
#include <cstdint>

/// What a convolution's gradient by the weight is made of, in the tiles of AMX. The products are
/// added up over pictures: a tile holds the same pixel of 32 pictures.
namespace moco::kernels::tile_weight_gradient {

using Bf16 = c10::BFloat16;

constexpr int64_t kPictures = 32;  // of a tile
constexpr int64_t kTileChannels = 16;
constexpr int64_t kBlock = 32;  // channels on either side of a block of sums

/// The same channels of one pixel in kPictures pictures.
using Pixels = std::array<const Bf16*, kPictures>;

/// A line of pixels in packed pictures.
struct Line {
  const Bf16* x;
  const Bf16* dy;
};

/// sums += Σ x · dy, over the pixels of some lines.
struct Product {
  const Line* lines;
  int64_t lineCount;
  int64_t pixels;         // of each line
  int64_t xAt, dyAt;      // numbers from a pixel to the block's channels
  int64_t xStep, dyStep;  // numbers from pixel to pixel
  float* sums;            // (kBlock of x, kBlock of dy)
};

struct Kernels {
  /// Only while TilesInUse.
  void (*multiply)(const Product& product);

  /// Packs a pixel: (channels, kPictures).
  /// @param channels  a multiple of kTileChannels
  void (*packX)(const Pixels& from, int64_t channels, Bf16* to);
  /// Packs a pixel: (channels / kTileChannels, kPictures / 2, kTileChannels, 2).
  void (*packDy)(const Pixels& from, int64_t channels, Bf16* to);

  /// Turns a block of sums round and rounds them: (kBlock of dy, kBlock of x).
  /// @param parts   what is added up
  /// @param stride  numbers from row to row of the result
  void (*finish)(const float* const* parts, int64_t count, Bf16* to, int64_t stride);
};

/// @return  null where this processor cannot run them
const Kernels* kernels();

}  // namespace moco::kernels::tile_weight_gradient
