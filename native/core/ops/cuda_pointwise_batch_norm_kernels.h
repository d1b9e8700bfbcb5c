#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "core/ops/cuda_batch_norm_kernels.h"

namespace moco::cuda {

// What BatchNorm by algebra (pointwise_batch_norm.h, where the letters and equations stand)
// computes between its matrix products, once for every step and not for every row of activations.
// It would be some thirty operators of PyTorch's, each a kernel that takes longer to start than to
// run; here it is one kernel in each direction.
//
// The functions return after starting their kernel, allocate nothing, and throw std::runtime_error
// where it does not start. Their sums are taken in a fixed order.

struct PointwiseShape {
  ElementType type;  // of weights and what is computed from them for the activations; else fp32
  int64_t in, out;   // channels: K and C
};

struct PointwiseFold {
  const void* weight;               // W (out, in)
  const float* mean;                // μ (in)
  const float* weightedCovariance;  // W Σ (out, in)
  const float* gamma;               // (out)
  const float* beta;                // (out)
  float eps;
  RunningStatistics running;
  float unbiased;  // n / (n − 1)

  void* foldedWeight;  // out: Ŵ (out, in)
  void* shift;         // out: β − Ŵ μ (out)
  float* inverseStd;   // out: s (out)
};

/// Folds BatchNorm into the convolution before it, and moves the running statistics.
void foldPointwise(const PointwiseShape& shape, const PointwiseFold& fold, cudaStream_t stream);

struct PointwiseGradient {
  const void* weight;               // W (out, in)
  const float* mean;                // μ (in)
  const float* weightedCovariance;  // W Σ (out, in)
  const float* inverseStd;          // s (out)
  const float* gamma;               // (out)
  const float* product;             // Σ dz hᵀ (out, in)
  const float* dBeta;               // Σ dz (out)
  float rows;                       // n

  float* dGamma;         // out: (out)
  void* dWeight;         // out: (out, in)
  void* curvature;       // out: diag(γ s² dγ / n) W, (out, in), of which M is Wᵀ times this
  void* constantFactor;  // out: (out), of which M μ − Ŵᵀ dβ/n is Wᵀ times this
};

/// The gradients by the weights, and the factors of that by the input.
void pointwiseGradient(const PointwiseShape& shape, const PointwiseGradient& gradient,
                       cudaStream_t stream);

/// The gradient by what a ReLU got: dy + dyOther where y > 0, else zero.
/// @param dy, dyOther  gradients by y, (count); dyOther may be null
/// @param y            what the ReLU gave, (count)
void reluGradient(ElementType type, int64_t count, const void* dy, const void* dyOther,
                  const void* y, void* dz, cudaStream_t stream);

}  // namespace moco::cuda
