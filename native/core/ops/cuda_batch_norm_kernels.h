#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "core/ops/epilogue.h"

namespace moco::cuda {

// BatchNorm (Ioffe and Szegedy, ICML 2015) over rows of channels, which is what channels-last
// activations are, together with the addition and the ReLU that follow it in a ResNet.
//
// What limits it is memory. It takes these passes over the activations (R reads them, W writes
// them):
//
//                       forward                backward
//   BatchNorm           R (statistics), R W    2 R (sums), 2 R W
//   … + ReLU            R, R W                 2 R, 2 R W: the mask is computed again from x
//   … + addition + ReLU R, 2 R W               3 R W (sums, residual's gradient), 2 R W
//
// For the last line, one operator after the other would take R, R W, 2 R W, R W forward and 2 R W,
// 2 R, 2 R W backward.
//
// Results depend only on the input, never on the GPU or on timing: sums are taken in two stages, in
// a fixed order, by a number of blocks that only the shape determines.
//
// All functions return after starting their kernels, allocate nothing, and throw
// std::runtime_error where a kernel does not start. They read and write 16 bytes at a time where
// the number of channels and all addresses allow it.

/// The type of activations and their gradients. All else is fp32.
enum class ElementType { kFloat, kBFloat16 };

struct BatchNormShape {
  ElementType type;
  int64_t rows;      // B·H·W; at least 1
  int64_t channels;  // at least 1
  int64_t groups;  // parts of rows / groups rows, one after the other, with statistics of their own
};

struct BatchNormAffine {
  const float* mean;        // (groups, channels)
  const float* inverseStd;  // (groups, channels)
  const float* weight;      // (channels)
  const float* bias;        // (channels)
};

struct RunningStatistics {
  float* mean;  // (channels)
  float* var;   // (channels)
  float momentum;
};

/// How many floats of workspace `batchNormStatistics` and `batchNormSums` need.
int64_t batchNormWorkspace(const BatchNormShape& shape);

/// Mean and 1/√(variance + eps) of each group and channel. The running statistics move towards the
/// mean over the groups of their means and unbiased variances.
///
/// A thread sums differences from the first value that it sees, and their squares: since that value
/// is in the data, the squares cancel to no less than 1/n of themselves. The threads' means and
/// squares are merged pairwise (Chan, Golub and LeVeque, 1979).
/// @param x  (rows, channels)
void batchNormStatistics(const BatchNormShape& shape, const void* x, float eps, float* mean,
                         float* inverseStd, const RunningStatistics& running, float* workspace,
                         cudaStream_t stream);

/// y = epilogue((x − mean) · inverseStd · weight + bias).
/// @param residual  (rows, channels), added with kAddRelu
void batchNormApply(const BatchNormShape& shape, Epilogue epilogue, const BatchNormAffine& affine,
                    const void* x, const void* residual, void* y, cudaStream_t stream);

struct BatchNormSums {
  float* sums;     // (groups, 2, channels): of the gradient, and of the gradient times normalised x
  float* dWeight;  // (channels), summed over the groups
  float* dBias;    // (channels), summed over the groups
};

/// The first pass of the backward: sums over the rows.
/// @param dy         (rows, channels), gradient by y
/// @param y          (rows, channels), read with kAddRelu
/// @param dResidual  (rows, channels), written with kAddRelu: dy where y > 0, else zero
void batchNormSums(const BatchNormShape& shape, Epilogue epilogue, const BatchNormAffine& affine,
                   const void* dy, const void* x, const void* y, void* dResidual,
                   const BatchNormSums& sums, float* workspace, cudaStream_t stream);

/// The second pass of the backward: the gradient by x, on which the statistics depend as well.
/// @param dy        (rows, channels); with kAddRelu the first pass's `dResidual`
void batchNormInputGradient(const BatchNormShape& shape, Epilogue epilogue,
                            const BatchNormAffine& affine, const void* dy, const void* x,
                            const float* sums, void* dx, cudaStream_t stream);

}  // namespace moco::cuda
