#pragma once

#include <cuda_runtime.h>

#include "core/ops/cuda_batch_norm_kernels.h"
#include "core/ops/cuda_rows.cuh"

namespace moco::cuda {

// What BatchNorm's forward and backward kernels share.

// Numbers of neighbouring channels are read and written by as wide accesses as activations. One by
// one, a warp would reach into 32 sectors of memory for every number.

template <int kWidth>
__device__ void loadFloats(const float* from, int64_t offset, float (&to)[kWidth]) {
  constexpr int kAtOnce = kWidth < 4 ? kWidth : 4;  // 16 bytes
#pragma unroll
  for (int i = 0; i < kWidth; i += kAtOnce) {
    const auto pack = load<kAtOnce>(from, offset + i);
#pragma unroll
    for (int j = 0; j < kAtOnce; ++j) to[i + j] = pack.values[j];
  }
}

template <int kWidth>
__device__ void storeFloats(float* to, int64_t offset, const float (&from)[kWidth]) {
  constexpr int kAtOnce = kWidth < 4 ? kWidth : 4;
#pragma unroll
  for (int i = 0; i < kWidth; i += kAtOnce) {
    Pack<float, kAtOnce> pack;
#pragma unroll
    for (int j = 0; j < kAtOnce; ++j) pack.values[j] = from[i + j];
    store<kAtOnce>(to, offset + i, pack);
  }
}

/// Two numbers for each of a thread's channels, which a part of the rows has given.
template <int kWidth>
struct Partial {
  float first[kWidth], second[kWidth];
};

/// The place of a part's numbers in the workspace (groups, parts, 2, channels), for channel 0.
__device__ inline int64_t partialOffset(const RowGrid& grid, int64_t group, int64_t part) {
  return (group * grid.parts + part) * 2 * grid.channels;
}

template <int kWidth>
__device__ void storePartial(const RowGrid& grid, const Place<kWidth>& place,
                             const float (&first)[kWidth], const float (&second)[kWidth],
                             float* workspace) {
  if (threadIdx.y != 0 || !place.isInside) return;
  const int64_t offset = partialOffset(grid, place.group, place.part) + place.channel;
  storeFloats(workspace, offset, first);
  storeFloats(workspace, offset + grid.channels, second);
}

/// Calls use(part, partial) for a thread's share of a group's parts, in order. More than three at
/// once would not fit into the registers.
template <int kWidth, class Use>
__device__ void eachPart(const RowGrid& grid, const Place<kWidth>& place, int64_t group,
                         const float* workspace, Use use) {
  const int64_t count = (grid.parts - threadIdx.y + blockDim.y - 1) / blockDim.y;
  const Steps steps{partialOffset(grid, group, threadIdx.y) + place.channel,
                    2 * grid.channels * blockDim.y, place.isInside ? count : 0};
  int64_t part = threadIdx.y;
  eachRow<3>(
      steps,
      [&](int64_t offset) {
        Partial<kWidth> partial;
        loadFloats(workspace, offset, partial.first);
        loadFloats(workspace, offset + grid.channels, partial.second);
        return partial;
      },
      [&](int64_t, const Partial<kWidth>& partial) {
        use(part, partial);
        part += blockDim.y;
      });
}

/// The affine map that normalises a thread's channels.
template <int kWidth>
struct Affine {
  float mean[kWidth] = {};
  float scale[kWidth] = {};
  float bias[kWidth] = {};

  __device__ Affine(const BatchNormAffine& affine, const RowGrid& grid,
                    const Place<kWidth>& place) {
    if (!place.isInside) return;
    const int64_t ofGroup = place.group * grid.channels + place.channel;
    float inverseStd[kWidth];
    loadFloats(affine.mean, ofGroup, mean);
    loadFloats(affine.inverseStd, ofGroup, inverseStd);
    loadFloats(affine.weight, place.channel, scale);
    loadFloats(affine.bias, place.channel, bias);
#pragma unroll
    for (int i = 0; i < kWidth; ++i) scale[i] *= inverseStd[i];
  }
  /// Forward and backward pass both compute it here, to the same bits, because their ReLU masks
  /// must agree.
  __device__ float operator()(int i, float x) const { return fmaf(x - mean[i], scale[i], bias[i]); }
};

template <class T, int kWidth>
struct TwoPacks {
  Pack<T, kWidth> first, second;
};

template <class T, int kWidth_>
struct Layout {
  using Type = T;
  static constexpr int kWidth = kWidth_;
};

/// The channels of one access, 16 bytes, or one channel where these do not divide the channels.
inline int widthOf(const BatchNormShape& shape) {
  const int widest = shape.type == ElementType::kBFloat16 ? 8 : 4;
  return shape.channels % widest == 0 ? widest : 1;
}

/// Calls use(Layout) with the elements' type and `widthOf`.
template <class Use>
void withLayout(const BatchNormShape& shape, Use use) {
  const bool isWide = widthOf(shape) > 1;
  if (shape.type == ElementType::kBFloat16) {
    isWide ? use(Layout<__nv_bfloat16, 8>{}) : use(Layout<__nv_bfloat16, 1>{});
  } else {
    isWide ? use(Layout<float, 4>{}) : use(Layout<float, 1>{});
  }
}

inline RowGrid gridOf(const BatchNormShape& shape) {
  return rowGrid(shape.rows / shape.groups, shape.channels, shape.groups, widthOf(shape));
}

}  // namespace moco::cuda
