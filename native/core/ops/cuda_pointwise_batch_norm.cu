#include <initializer_list>
#include <type_traits>

#include "core/ops/cuda_pointwise_batch_norm_kernels.h"
#include "core/ops/cuda_rows.cuh"

namespace moco::cuda {
namespace {

// A block has one output channel, and its threads share the input channels.
constexpr unsigned kChannelThreads = 128;

/// The sum over the threads of the block, for each of them. All of them must call it.
__device__ float blockSum(float own) {
  __shared__ float shared[kChannelThreads];
  shared[threadIdx.x] = own;
  __syncthreads();
  for (unsigned half = kChannelThreads / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) shared[threadIdx.x] += shared[threadIdx.x + half];
    __syncthreads();
  }
  const float sum = shared[0];
  __syncthreads();
  return sum;
}

template <class T>
__global__ void __launch_bounds__(kChannelThreads) foldChannel(PointwiseFold fold, int64_t in) {
  const int64_t channel = blockIdx.x;
  const T* const weight = static_cast<const T*>(fold.weight) + channel * in;
  const float* const weightedCovariance = fold.weightedCovariance + channel * in;
  T* const foldedWeight = static_cast<T*>(fold.foldedWeight) + channel * in;

  float mean = 0;
  float variance = 0;
  for (int64_t k = threadIdx.x; k < in; k += blockDim.x) {
    mean = fmaf(toFloat(weight[k]), fold.mean[k], mean);
    variance = fmaf(toFloat(weight[k]), weightedCovariance[k], variance);
  }
  mean = blockSum(mean);
  variance = blockSum(variance);
  // By rounding, a variance near zero can come out below it. NaN stays NaN.
  if (variance < 0) variance = 0;
  const float inverseStd = 1 / sqrtf(variance + fold.eps);
  const float scale = fold.gamma[channel] * inverseStd;

  float foldedMean = 0;
  for (int64_t k = threadIdx.x; k < in; k += blockDim.x) {
    assign(foldedWeight[k], scale * toFloat(weight[k]));
    foldedMean = fmaf(toFloat(foldedWeight[k]), fold.mean[k], foldedMean);
  }
  foldedMean = blockSum(foldedMean);
  if (threadIdx.x != 0) return;
  fold.inverseStd[channel] = inverseStd;
  assign(static_cast<T*>(fold.shift)[channel], fold.beta[channel] - foldedMean);
  const float momentum = fold.running.momentum;
  float& runningMean = fold.running.mean[channel];
  float& runningVar = fold.running.var[channel];
  runningMean = (1 - momentum) * runningMean + momentum * mean;
  runningVar = (1 - momentum) * runningVar + momentum * variance * fold.unbiased;
}

template <class T>
__global__ void __launch_bounds__(kChannelThreads)
    differentiateChannel(PointwiseGradient gradient, int64_t in) {
  const int64_t channel = blockIdx.x;
  const T* const weight = static_cast<const T*>(gradient.weight) + channel * in;
  const float* const weightedCovariance = gradient.weightedCovariance + channel * in;
  const float* const product = gradient.product + channel * in;
  T* const dWeight = static_cast<T*>(gradient.dWeight) + channel * in;
  T* const curvature = static_cast<T*>(gradient.curvature) + channel * in;
  const float dBeta = gradient.dBeta[channel];
  // D, which is the product with the mean taken off.
  const auto centred = [&](int64_t k) { return fmaf(-dBeta, gradient.mean[k], product[k]); };

  float mean = 0;
  float sum = 0;
  for (int64_t k = threadIdx.x; k < in; k += blockDim.x) {
    mean = fmaf(toFloat(weight[k]), gradient.mean[k], mean);
    sum = fmaf(toFloat(weight[k]), centred(k), sum);
  }
  mean = blockSum(mean);
  sum = blockSum(sum);
  const float inverseStd = gradient.inverseStd[channel];
  const float dGamma = sum * inverseStd;
  const float slope = dGamma * inverseStd;
  const float scale = gradient.gamma[channel] * inverseStd;

  const float bend = scale * slope / gradient.rows;
  for (int64_t k = threadIdx.x; k < in; k += blockDim.x) {
    assign(dWeight[k], scale * (centred(k) - slope * weightedCovariance[k]));
    assign(curvature[k], bend * toFloat(weight[k]));
  }
  if (threadIdx.x != 0) return;
  gradient.dGamma[channel] = dGamma;
  assign(static_cast<T*>(gradient.constantFactor)[channel],
         scale * (slope * mean - dBeta) / gradient.rows);
}

template <class T, int kWidth>
__global__ void __launch_bounds__(kThreads)
    addThroughRelu(const T* dy, const T* dyOther, const T* y, int64_t count, T* dz) {
  const int64_t offset = (int64_t{blockIdx.x} * blockDim.x + threadIdx.x) * kWidth;
  if (offset >= count) return;
  const auto gradient = load<kWidth>(dy, offset);
  const auto output = load<kWidth>(y, offset);
  Pack<T, kWidth> other;
  if (dyOther != nullptr) other = load<kWidth>(dyOther, offset);
  Pack<T, kWidth> sum;
#pragma unroll
  for (int i = 0; i < kWidth; ++i) {
    const float added = dyOther == nullptr ? 0 : toFloat(other.values[i]);
    const bool isOff = toFloat(output.values[i]) <= 0;  // NaN lets NaN through
    assign(sum.values[i], isOff ? 0 : toFloat(gradient.values[i]) + added);
  }
  store<kWidth>(dz, offset, sum);
}

/// Adds 16 bytes at a time where count and addresses allow it.
template <class T>
void startReluGradient(int64_t count, const T* dy, const T* dyOther, const T* y, T* dz,
                       cudaStream_t stream) {
  constexpr int kBytes = 16;
  constexpr int kWidth = kBytes / sizeof(T);
  bool isWide = count % kWidth == 0;
  for (const T* address : std::initializer_list<const T*>{dy, dyOther, y, dz}) {
    isWide = isWide && reinterpret_cast<uintptr_t>(address) % kBytes == 0;
  }
  const int64_t packs = isWide ? count / kWidth : count;
  launch("addThroughRelu", isWide ? addThroughRelu<T, kWidth> : addThroughRelu<T, 1>,
         {static_cast<unsigned>(pieces(packs, kThreads))}, {kThreads}, stream, dy, dyOther, y,
         count, dz);
}

dim3 blocksOf(const PointwiseShape& shape) { return {static_cast<unsigned>(shape.out)}; }

}  // namespace

void foldPointwise(const PointwiseShape& shape, const PointwiseFold& fold, cudaStream_t stream) {
  const auto kernel =
      shape.type == ElementType::kBFloat16 ? foldChannel<__nv_bfloat16> : foldChannel<float>;
  launch("foldChannel", kernel, blocksOf(shape), {kChannelThreads}, stream, fold, shape.in);
}

void pointwiseGradient(const PointwiseShape& shape, const PointwiseGradient& gradient,
                       cudaStream_t stream) {
  const auto kernel = shape.type == ElementType::kBFloat16 ? differentiateChannel<__nv_bfloat16>
                                                           : differentiateChannel<float>;
  launch("differentiateChannel", kernel, blocksOf(shape), {kChannelThreads}, stream, gradient,
         shape.in);
}

void reluGradient(ElementType type, int64_t count, const void* dy, const void* dyOther,
                  const void* y, void* dz, cudaStream_t stream) {
  const auto start = [&](auto* typed) {
    using T = std::remove_pointer_t<decltype(typed)>;
    startReluGradient<T>(count, static_cast<const T*>(dy), static_cast<const T*>(dyOther),
                         static_cast<const T*>(y), typed, stream);
  };
  if (type == ElementType::kBFloat16) {
    start(static_cast<__nv_bfloat16*>(dz));
  } else {
    start(static_cast<float*>(dz));
  }
}

}  // namespace moco::cuda
