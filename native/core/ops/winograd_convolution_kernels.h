#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

/// Winograd's minimal filtering F(4×4, 3×3) (Lavin & Gray 2016, arXiv:1509.09308, eq. 8 and section
/// 4.3) with AVX-512: 4×4 outputs of a 3×3 convolution come from 6×6 inputs by way of 36 products
/// instead of 144, Y = Aᵀ[(G w Gᵀ) ⊙ (Bᵀ x B)]A. Activations and weights are bf16; everything
/// between is fp32, whose error, some 2⁻²⁰ of the largest sums in a tile, is far below bf16's 2⁻⁸.
namespace moco::kernels::winograd {

using Bf16 = c10::BFloat16;

constexpr int64_t kInput = 6;                 // pixels of input on a tile's side
constexpr int64_t kOutput = 4;                // pixels of output on its side
constexpr int64_t kPoints = kInput * kInput;  // numbers that a transformed tile has per channel
constexpr int64_t kLanes = 16;                // of which channels are a multiple
constexpr int64_t kPanel = 64;                // columns of a product

/// The points of transformed tiles lie `stride` numbers apart, each with its channels side by side.
struct Points {
  float* first;
  int64_t stride;
};

/// c(row, column) = Σ a(row, k) · b(k, column), for kPanel columns, in order of k.
struct PanelProduct {
  const float* a;
  int64_t rowStride, depthStride;  // of a
  const float* b;
  int64_t bStride;  // from k to k + 1
  float* c;
  int64_t cStride;  // from row to row
  int64_t rows, depth;
  bool add;  // to what c holds
};

/// Channels are multiples of kLanes; nothing needs to be aligned.
struct Kernels {
  /// Bᵀ x B.
  /// @param pixels  (kInput, kInput)
  void (*transformInput)(const Bf16* const* pixels, int64_t channels, Points to);

  /// Aᵀ m A, rounded to bf16.
  /// @param pixels  (kOutput, kOutput)
  void (*transformOutput)(Points from, int64_t channels, Bf16* const* pixels);

  /// A dy Aᵀ: the adjoint of `transformOutput`.
  /// @param pixels  (kOutput, kOutput)
  void (*transformOutputGradient)(const Bf16* const* pixels, int64_t channels, Points to);

  /// G w Gᵀ of two input channels, that of kPanel output channels for the first one, then for the
  /// second one.
  /// @param weight  (kPanel, 3, 3, inputs), from the first of both channels on
  /// @param inputs  even
  void (*transformWeight)(const Bf16* weight, int64_t inputs, Points to);

  /// G w Gᵀ of kPanel input channels of the kernel turned by 180°.
  /// @param weight  of an output channel, (3, 3, inputs), from the first of the channels on
  void (*transformTurnedWeight)(const Bf16* weight, int64_t inputs, Points to);

  /// Gᵀ m G of the sum m of several numbers of points, rounded to bf16: the adjoint of G w Gᵀ, for
  /// one output channel.
  /// @param from    of the first summand; each of the others lies `distance` numbers after the one
  ///                before
  /// @param weight  (3, 3, channels)
  void (*transformWeightGradient)(Points from, int64_t summands, int64_t distance, int64_t channels,
                                  Bf16* weight);

  /// Any number of rows.
  void (*multiply)(const PanelProduct& product);
};

/// Null where this processor cannot run them.
const Kernels* kernels();

}  // namespace moco::kernels::winograd
