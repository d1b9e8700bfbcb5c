#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

/// Loops of BatchNorm over rows of channels-last activations, for processors with AVX-512 and bf16:
/// `channels` values lie side by side, a multiple of `kBatchNormWidth`; `rows` is a part of B·H·W.
/// T is float or c10::BFloat16; arithmetic and sums are in fp32, so a block of rows must be small
/// enough for that (some thousand); the caller adds blocks up in fp64.
namespace moco::kernels {

constexpr int64_t kBatchNormWidth = 16;

/// Where the gradient passes a ReLU: its output was above zero.
enum class Mask {
  kNone,    // there is no ReLU, or the gradient has passed it already
  kInput,   // x · scale + shift is above zero
  kOutput,  // y is above zero
};

/// What the gradient kernels read.
template <typename T>
struct GradientRows {
  const T* dy;         // by the output
  const T* x;          // BatchNorm's input
  const T* y;          // the output, for Mask::kOutput
  const float* scale;  // of the forward, for Mask::kInput
  const float* shift;
  int64_t rows, channels;
};

template <typename T>
struct BatchNormKernels {
  /// Adds up x − pivot and its square by channel; the pivot keeps the difference of large numbers
  /// out.
  void (*addMoments)(const T* x, int64_t rows, int64_t channels, const float* pivot, float* sum,
                     float* sumOfSquares);

  /// y = x · scale + shift (+ residual, unless null), then ReLU if asked for. NaN stays NaN.
  void (*scaleShift)(const T* x, const T* residual, int64_t rows, int64_t channels,
                     const float* scale, const float* shift, bool relu, T* y);

  /// Adds up by channel the gradient that passes the ReLU, and its product with x − mean. Writes
  /// that gradient to `passed`, for Mask::kOutput.
  void (*addGradientSums)(Mask mask, const GradientRows<T>& from, const float* mean, T* passed,
                          float* sum, float* sumByInput);

  /// dx = (the gradient that passes the ReLU) · a + x · b + c, for Mask::kNone and kInput.
  void (*inputGradient)(Mask mask, const GradientRows<T>& from, const float* a, const float* b,
                        const float* c, T* dx);
};

/// For T float and c10::BFloat16; null where this processor cannot run them.
template <typename T>
const BatchNormKernels<T>* batchNormKernels();

}  // namespace moco::kernels
