#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

/// The loops of BatchNorm over rows of channels-last activations, for processors with AVX-512 and
/// bf16. A row is a pixel's channels, whose number is a multiple of `kBatchNormWidth`; `rows` says
/// how many of the B·H·W rows a call handles. T is float or c10::BFloat16. Arithmetic and sums are
/// in fp32, which is precise enough for some thousand rows; the caller adds up such blocks in fp64.
namespace moco::kernels {

constexpr int64_t kBatchNormWidth = 16;

/// How to tell where the gradient passes the ReLU, which is where its output was above zero.
enum class Mask {
  kNone,    // everywhere: there is no ReLU, or the gradient has passed it already
  kInput,   // where x · scale + shift is above zero
  kOutput,  // where y is above zero
};

/// What the gradient kernels read.
template <typename T>
struct GradientRows {
  const T* dy;         // gradient by the output
  const T* dyOther;    // for Mask::kOutput: another one, to be added to it; or null
  const T* x;          // BatchNorm's input
  const T* y;          // the output, for Mask::kOutput
  const float* scale;  // of the forward pass, for Mask::kInput, as is shift
  const float* shift;
  int64_t rows, channels;
};

template <typename T>
struct BatchNormKernels {
  /// Adds x − pivot and its square to each channel's sums. With a pivot near the mean, the variance
  /// does not come from a difference of large numbers.
  void (*addMoments)(const T* x, int64_t rows, int64_t channels, const float* pivot, float* sum,
                     float* sumOfSquares);

  /// y = x · scale + shift, plus the residual unless that is null, and then ReLU if `relu`. NaN
  /// stays NaN.
  void (*scaleShift)(const T* x, const T* residual, int64_t rows, int64_t channels,
                     const float* scale, const float* shift, bool relu, T* y);

  /// Adds the gradient that passes the ReLU, and its product with x − mean, to each channel's sums.
  /// With Mask::kOutput it also writes that gradient to `passed`.
  void (*addGradientSums)(Mask mask, const GradientRows<T>& from, const float* mean, T* passed,
                          float* sum, float* sumByInput);

  /// dx = g · a + x · b + c, where g is the gradient that passes the ReLU. For Mask::kNone and
  /// Mask::kInput.
  void (*inputGradient)(Mask mask, const GradientRows<T>& from, const float* a, const float* b,
                        const float* c, T* dx);
};

/// The kernels for T float and c10::BFloat16.
/// @return  null where this processor cannot run them
template <typename T>
const BatchNormKernels<T>* batchNormKernels();

}  // namespace moco::kernels
