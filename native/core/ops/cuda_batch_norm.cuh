#pragma once

#include <cuda_runtime.h>

#include <initializer_list>

#include "core/ops/cuda_batch_norm_kernels.h"
#include "core/ops/cuda_rows.cuh"

namespace moco::cuda {

// What BatchNorm's forward and backward kernels share.

// A block that finishes the sums has only few channels, and many threads share the parts of each: a
// thread waits for memory once for every part that it adds, which is what takes time.
constexpr unsigned kFinishThreads = 1024;
constexpr unsigned kFinishChannels = 8;
constexpr unsigned kFinishParts = kFinishThreads / kFinishChannels;

/// The workspace, (groups, parts, 2, channels), holds two numbers of each part and channel. This is
/// the place of the first (`which` 0) or second one (1) for channel 0.
__device__ inline int64_t partial(const RowGrid& grid, int64_t group, int64_t part, int which) {
  return ((group * grid.parts + part) * 2 + which) * grid.channels;
}

template <int kWidth>
__device__ void storePartial(const RowGrid& grid, const Place<kWidth>& place, const float* first,
                             const float* second, float* workspace) {
  if (threadIdx.y != 0 || !place.isInside) return;
#pragma unroll
  for (int i = 0; i < kWidth; ++i) {
    workspace[partial(grid, place.group, place.part, 0) + place.channel + i] = first[i];
    workspace[partial(grid, place.group, place.part, 1) + place.channel + i] = second[i];
  }
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
    const int64_t first = place.group * grid.channels + place.channel;
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      mean[i] = affine.mean[first + i];
      scale[i] = affine.inverseStd[first + i] * affine.weight[place.channel + i];
      bias[i] = affine.bias[place.channel + i];
    }
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

/// Calls use(Layout) with the elements' type and with the widest access that the channels and the
/// addresses allow.
template <class T, class Use>
void withWidth(const BatchNormShape& shape, std::initializer_list<const void*> addresses, Use use) {
  constexpr int kBytes = 16;
  constexpr int kWidth = kBytes / sizeof(T);
  bool isAligned = shape.channels % kWidth == 0;
  for (const void* address : addresses) {
    isAligned = isAligned && reinterpret_cast<uintptr_t>(address) % kBytes == 0;
  }
  if (isAligned) {
    use(Layout<T, kWidth>{});
  } else {
    use(Layout<T, 1>{});
  }
}

template <class Use>
void withLayout(const BatchNormShape& shape, std::initializer_list<const void*> addresses,
                Use use) {
  if (shape.type == ElementType::kBFloat16) {
    withWidth<__nv_bfloat16>(shape, addresses, use);
  } else {
    withWidth<float>(shape, addresses, use);
  }
}

inline RowGrid gridOf(const BatchNormShape& shape, int width) {
  return rowGrid(shape.rows / shape.groups, shape.channels, shape.groups, width);
}

inline dim3 finishBlocks(const BatchNormShape& shape) {
  return {static_cast<unsigned>(pieces(shape.channels, kFinishChannels))};
}

}  // namespace moco::cuda
