#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

/// Winograd's minimal filtering F(4×4, 3×3) (Lavin & Gray 2016, arXiv:1509.09308, eq. 8 and section
/// 4.3), for processors with AVX-512: 4×4 outputs of a 3×3 convolution come from 6×6 inputs by way
/// of 36 products instead of 144, Y = Aᵀ[(G w Gᵀ) ⊙ (Bᵀ x B)]A. Activations and weights are bf16.
/// All between is fp32, and its error, some 2⁻²⁰ of the largest sums in a tile, is far below bf16's
/// 2⁻⁸.
namespace moco::kernels::winograd_convolution {

using Bf16 = c10::BFloat16;

constexpr int64_t kInput = 6;                 // pixels of input on a tile's side
constexpr int64_t kOutput = 4;                // pixels of output on its side
constexpr int64_t kTaps = 3;                  // taps on the kernel's side
constexpr int64_t kPoints = kInput * kInput;  // numbers of a transformed tile, for each channel
constexpr int64_t kLanes = 16;                // numbers of channels are multiples of this
constexpr int64_t kPanel = 64;                // columns of a product

/// Where transformed tiles lie in memory: the channels of a point are side by side, and each point
/// begins `stride` numbers after the point before.
struct Points {
  float* first;
  int64_t stride;
};

/// c(row, column) = Σ a(row, k) · b(k, column), for kPanel columns, added up in order of k.
struct PanelProduct {
  const float* a;
  int64_t rowStride, depthStride;  // of a: from row to row, from k to k + 1
  const float* b;
  int64_t bStride;  // from k to k + 1
  float* c;
  int64_t cStride;  // from row to row
  int64_t rows, depth;
  bool add;  // to what c holds already
};

/// Numbers of channels are multiples of kLanes. Nothing needs to be aligned.
struct Kernels {
  /// Bᵀ x B.
  /// @param pixels  (kInput, kInput)
  void (*transformInput)(const Bf16* const* pixels, int64_t channels, Points to);

  /// Aᵀ m A, rounded to bf16.
  /// @param pixels  (kOutput, kOutput)
  void (*transformOutput)(Points from, int64_t channels, Bf16* const* pixels);

  /// A dy Aᵀ, the adjoint of `transformOutput`.
  /// @param pixels  (kOutput, kOutput)
  void (*transformOutputGradient)(const Bf16* const* pixels, int64_t channels, Points to);

  /// G w Gᵀ of two neighbouring input channels: for kPanel output channels of the first one, then
  /// for those of the second one.
  /// @param weight  (kPanel, 3, 3, inputs), from the first of the two channels on
  /// @param inputs  even
  void (*transformWeight)(const Bf16* weight, int64_t inputs, Points to);

  /// G w Gᵀ of the kernel turned by 180°, for kPanel input channels of one output channel.
  /// @param weight  (3, 3, inputs), from the first of the channels on
  void (*transformTurnedWeight)(const Bf16* weight, int64_t inputs, Points to);

  /// Gᵀ m G, rounded to bf16, of the sum m of several summands, for one output channel: the adjoint
  /// of G w Gᵀ.
  /// @param from      the first summand
  /// @param distance  numbers from one summand to the next
  /// @param weight    (3, 3, channels)
  void (*transformWeightGradient)(Points from, int64_t summands, int64_t distance, int64_t channels,
                                  Bf16* weight);

  /// Computes a product of any number of rows.
  void (*multiply)(const PanelProduct& product);
};

/// @return  null where this processor cannot run them
const Kernels* kernels();

}  // namespace moco::kernels::winograd_convolution
