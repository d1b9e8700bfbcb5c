#include "core/ops/cpu_batch_norm_kernels.h"

#include "core/device/avx512.h"
#include "core/device/cpu_kernels.h"

namespace moco::kernels {

#ifdef __x86_64__

namespace {

using avx512::load;
using avx512::store;

constexpr int64_t kWidth = kBatchNormWidth;  // values that are handled at once
/// Rows that are added to a channel's sum each time that it is loaded from memory and stored again.
constexpr int64_t kRowsAtOnce = 4;

/// max(value, 0), where NaN stays NaN: the instruction returns its second operand if one is NaN.
MOCO_AVX512_INLINE __m512 rectified(__m512 values) {
  return _mm512_max_ps(_mm512_setzero_ps(), values);
}

template <bool kResidual, bool kRelu, typename T>
MOCO_AVX512 void scaleShiftRows(const T* x, const T* residual, int64_t rows, int64_t channels,
                                const float* scale, const float* shift, T* y) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < channels; c += kWidth) {
      const int64_t place = row * channels + c;
      __m512 value = _mm512_fmadd_ps(load(x + place), load(scale + c), load(shift + c));
      if constexpr (kResidual) value = _mm512_add_ps(value, load(residual + place));
      if constexpr (kRelu) value = rectified(value);
      store(value, y + place);
    }
  }
}

/// The values as an array of the type holds them.
MOCO_AVX512_INLINE __m512 asStored(__m512 values, float) { return values; }
MOCO_AVX512_INLINE __m512 asStored(__m512 values, c10::BFloat16) {
  const __m512i bits = _mm512_cvtepu16_epi32(avx512::rounded(values));
  return _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16));
}

/// The gradient by the output; a sum is rounded as PyTorch rounds it.
template <Mask kMask, typename T>
MOCO_AVX512_INLINE __m512 outputGradient(const GradientRows<T>& from, int64_t place) {
  const __m512 gradient = load(from.dy + place);
  if (kMask != Mask::kOutput || from.dyOther == nullptr) return gradient;
  return asStored(_mm512_add_ps(gradient, load(from.dyOther + place)), T());
}

/// The gradient that passes the ReLU, at a place among the activations.
template <Mask kMask, typename T>
MOCO_AVX512_INLINE __m512 passedGradient(const GradientRows<T>& from, int64_t place,
                                         int64_t channel, __m512 x) {
  const __m512 gradient = outputGradient<kMask>(from, place);
  if constexpr (kMask == Mask::kNone) return gradient;
  const __m512 output = kMask == Mask::kOutput ? load(from.y + place)
                                               : _mm512_fmadd_ps(x, load(from.scale + channel),
                                                                 load(from.shift + channel));
  return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(output, _mm512_setzero_ps(), _CMP_NLE_UQ),
                             gradient);
}

template <Mask kMask, int64_t kRows, typename T>
MOCO_AVX512_INLINE void addGradientSumsOfRows(const GradientRows<T>& from, int64_t firstRow,
                                              const float* mean, T* passed, float* sum,
                                              float* sumByInput) {
  for (int64_t c = 0; c < from.channels; c += kWidth) {
    const __m512 centre = load(mean + c);
    __m512 total = load(sum + c);
    __m512 totalByInput = load(sumByInput + c);
    for (int64_t row = firstRow; row < firstRow + kRows; ++row) {
      const int64_t place = row * from.channels + c;
      const __m512 x = load(from.x + place);
      const __m512 gradient = passedGradient<kMask>(from, place, c, x);
      if constexpr (kMask == Mask::kOutput) store(gradient, passed + place);
      total = _mm512_add_ps(total, gradient);
      totalByInput = _mm512_fmadd_ps(gradient, _mm512_sub_ps(x, centre), totalByInput);
    }
    store(total, sum + c);
    store(totalByInput, sumByInput + c);
  }
}

template <Mask kMask, typename T>
MOCO_AVX512 void addGradientSumsWith(const GradientRows<T> from, const float* mean, T* passed,
                                     float* sum, float* sumByInput) {
  int64_t row = 0;
  for (; row + kRowsAtOnce <= from.rows; row += kRowsAtOnce) {
    addGradientSumsOfRows<kMask, kRowsAtOnce>(from, row, mean, passed, sum, sumByInput);
  }
  for (; row < from.rows; ++row) {
    addGradientSumsOfRows<kMask, 1>(from, row, mean, passed, sum, sumByInput);
  }
}

template <Mask kMask, typename T>
MOCO_AVX512 void inputGradientWith(const GradientRows<T> from, const float* a, const float* b,
                                   const float* c, T* dx) {
  for (int64_t row = 0; row < from.rows; ++row) {
    for (int64_t channel = 0; channel < from.channels; channel += kWidth) {
      const int64_t place = row * from.channels + channel;
      const __m512 x = load(from.x + place);
      const __m512 gradient = passedGradient<kMask>(from, place, channel, x);
      const __m512 rest = _mm512_fmadd_ps(x, load(b + channel), load(c + channel));
      store(_mm512_fmadd_ps(gradient, load(a + channel), rest), dx + place);
    }
  }
}

template <int64_t kRows, typename T>
MOCO_AVX512_INLINE void addMomentsOfRows(const T* x, int64_t channels, const float* pivot,
                                         float* sum, float* sumOfSquares) {
  for (int64_t c = 0; c < channels; c += kWidth) {
    const __m512 offset = load(pivot + c);
    __m512 total = load(sum + c);
    __m512 squares = load(sumOfSquares + c);
    for (int64_t row = 0; row < kRows; ++row) {
      const __m512 value = _mm512_sub_ps(load(x + row * channels + c), offset);
      total = _mm512_add_ps(total, value);
      squares = _mm512_fmadd_ps(value, value, squares);
    }
    store(total, sum + c);
    store(squares, sumOfSquares + c);
  }
}

template <typename T>
MOCO_AVX512 void addMoments(const T* x, int64_t rows, int64_t channels, const float* pivot,
                            float* sum, float* sumOfSquares) {
  int64_t row = 0;
  for (; row + kRowsAtOnce <= rows; row += kRowsAtOnce) {
    addMomentsOfRows<kRowsAtOnce>(x + row * channels, channels, pivot, sum, sumOfSquares);
  }
  for (; row < rows; ++row) {
    addMomentsOfRows<1>(x + row * channels, channels, pivot, sum, sumOfSquares);
  }
}

template <typename T>
void scaleShift(const T* x, const T* residual, int64_t rows, int64_t channels, const float* scale,
                const float* shift, bool relu, T* y) {
  if (residual && relu) {
    scaleShiftRows<true, true>(x, residual, rows, channels, scale, shift, y);
  } else if (residual) {
    scaleShiftRows<true, false>(x, residual, rows, channels, scale, shift, y);
  } else if (relu) {
    scaleShiftRows<false, true>(x, residual, rows, channels, scale, shift, y);
  } else {
    scaleShiftRows<false, false>(x, residual, rows, channels, scale, shift, y);
  }
}

template <typename T>
void addGradientSums(Mask mask, const GradientRows<T>& from, const float* mean, T* passed,
                     float* sum, float* sumByInput) {
  switch (mask) {
    case Mask::kNone:
      return addGradientSumsWith<Mask::kNone>(from, mean, passed, sum, sumByInput);
    case Mask::kInput:
      return addGradientSumsWith<Mask::kInput>(from, mean, passed, sum, sumByInput);
    case Mask::kOutput:
      return addGradientSumsWith<Mask::kOutput>(from, mean, passed, sum, sumByInput);
  }
}

template <typename T>
void inputGradient(Mask mask, const GradientRows<T>& from, const float* a, const float* b,
                   const float* c, T* dx) {
  if (mask == Mask::kInput) return inputGradientWith<Mask::kInput>(from, a, b, c, dx);
  inputGradientWith<Mask::kNone>(from, a, b, c, dx);
}

}  // namespace

template <typename T>
const BatchNormKernels<T>* batchNormKernels() {
  static constexpr BatchNormKernels<T> kKernels{addMoments<T>, scaleShift<T>, addGradientSums<T>,
                                                inputGradient<T>};
  return useCpuKernels() ? &kKernels : nullptr;
}

#else

template <typename T>
const BatchNormKernels<T>* batchNormKernels() {
  return nullptr;
}

#endif

template const BatchNormKernels<float>* batchNormKernels();
template const BatchNormKernels<c10::BFloat16>* batchNormKernels();

}  // namespace moco::kernels
