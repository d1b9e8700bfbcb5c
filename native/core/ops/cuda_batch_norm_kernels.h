#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "core/ops/epilogue.h"

namespace moco::cuda {

// BatchNorm (Ioffe and Szegedy, ICML 2015) over rows of channels, which is what channels-last
// activations are, together with the addition and the ReLU that follow it in a ResNet.
//
// What limits it is memory. It takes these passes over the activations (R reads them, W writes
// them, and m is the mask of the ReLU, 1/16 of a pass):
//
//                       forward                  backward
//   BatchNorm           R (statistics), R W      2 R (sums), 2 R W
//   … + ReLU            R, R W                   2 R, 2 R W: the mask is computed again from x
//   … + addition + ReLU R, 2 R W + m             2 R W + m (sums, residual's gradient), 2 R W;
//                                                one R more where two gradients are added
//
// For the last line, one operator after the other would take R, R W, 2 R W, R W forward and 2 R W,
// 2 R, 2 R W backward, and 2 R W for the addition of two gradients. The tests count these passes
// (native/test/cuda_on_cpu/batch_norm_traffic.h).
//
// Where a pass begins decides what of it the L2 cache still holds. The statistics go down the rows,
// because a convolution that goes up has just written the last ones; the second pass goes up, from
// where the statistics ended. In the backward pass the convolution's gradient by its weight has
// read two other tensors since dy was written. There the sums go up and the second pass goes down,
// so that the convolution before, which reads dx next, begins with what was written last.
//
// Results depend only on the input, never on the GPU or on timing: sums are taken in two stages, in
// a fixed order, by a number of blocks that only the shape determines. Whichever block arrives last
// takes the second one, so that it needs no kernel of its own.
//
// All functions return after starting one kernel, allocate nothing, and throw std::runtime_error
// where it does not start. They read and write 16 bytes at a time where the number of channels
// allows it. All tensors but masks and counters must therefore begin at multiples of 16 bytes.

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
/// How many counters these two need.
int64_t batchNormCounters(const BatchNormShape& shape);
/// How many bytes the mask of addition and ReLU has: one for each 16 bytes of activations, or for
/// each element where 16 bytes are no whole number of a row's elements.
int64_t batchNormMask(const BatchNormShape& shape);

struct BatchNormScratch {
  float* workspace;  // what it holds before does not matter
  /// Blocks that have arrived. They must be zero, and are zero again when the kernel has ended. Two
  /// kernels that may run at the same time need counters of their own.
  unsigned* counters;
};

/// Mean and 1/√(variance + eps) of each group and channel. The running statistics move towards the
/// mean over the groups of their means and unbiased variances.
///
/// A thread sums differences from the first value that it sees, and their squares: since that value
/// is in the data, the squares cancel to no less than 1/n of themselves. The threads' means and
/// squares are merged pairwise (Chan, Golub and LeVeque, 1979).
/// @param x  (rows, channels)
void batchNormStatistics(const BatchNormShape& shape, const void* x, float eps, float* mean,
                         float* inverseStd, const RunningStatistics& running,
                         const BatchNormScratch& scratch, cudaStream_t stream);

/// y = epilogue((x − mean) · inverseStd · weight + bias).
/// @param residual  (rows, channels), added with kAddRelu
/// @param mask      (`batchNormMask`), written with kAddRelu unless it is null. Bit i of a byte is
///                  set where the i-th of its elements of y is above zero, or NaN
void batchNormApply(const BatchNormShape& shape, Epilogue epilogue, const BatchNormAffine& affine,
                    const void* x, const void* residual, void* y, uint8_t* mask,
                    cudaStream_t stream);

struct BatchNormSums {
  float* sums;     // (groups, 2, channels): of the gradient, and of the gradient times normalised x
  float* dWeight;  // (channels), summed over the groups
  float* dBias;    // (channels), summed over the groups
};

/// The first pass of the backward: sums over the rows.
/// @param dy         (rows, channels), gradient by y
/// @param dyOther    (rows, channels), with kAddRelu: a second gradient by y, which is added to dy;
///                   or null
/// @param mask       of the forward pass, read with kAddRelu
/// @param dResidual  (rows, channels), written with kAddRelu: dy + dyOther where y > 0, else zero
void batchNormSums(const BatchNormShape& shape, Epilogue epilogue, const BatchNormAffine& affine,
                   const void* dy, const void* dyOther, const void* x, const uint8_t* mask,
                   void* dResidual, const BatchNormSums& sums, const BatchNormScratch& scratch,
                   cudaStream_t stream);

/// The second pass of the backward: the gradient by x, on which the statistics depend as well.
/// @param dy        (rows, channels); with kAddRelu the first pass's `dResidual`
void batchNormInputGradient(const BatchNormShape& shape, Epilogue epilogue,
                            const BatchNormAffine& affine, const void* dy, const void* x,
                            const float* sums, void* dx, cudaStream_t stream);

}  // namespace moco::cuda
