#include "core/ops/cuda_batch_norm.cuh"

namespace moco::cuda {
namespace {

/// Number, mean and sum of squared differences from the mean of some rows.
template <int kWidth>
struct Moments {
  float count;
  float mean[kWidth];
  float squares[kWidth];

  __device__ void merge(const Moments& other) {
    const float total = count + other.count;
    if (total == 0) return;
    const float share = other.count / total;
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      const float difference = other.mean[i] - mean[i];
      mean[i] += difference * share;
      squares[i] += other.squares[i] + difference * difference * count * share;
    }
    count = total;
  }
};

template <class T, int kWidth>
__device__ Moments<kWidth> momentsOf(const T* x, const Steps& rows) {
  Moments<kWidth> moments{};
  if (rows.count == 0) return moments;
  float origin[kWidth];
  const auto first = load<kWidth>(x, rows.first);
#pragma unroll
  for (int i = 0; i < kWidth; ++i) origin[i] = toFloat(first.values[i]);
  float sums[kWidth] = {};
  float squares[kWidth] = {};
  // The first row differs from itself by nothing. More than six at once would not fit into the
  // registers.
  eachRow<6>(
      {rows.first + rows.step, rows.step, rows.count - 1},
      [&](int64_t offset) { return load<kWidth>(x, offset); },
      [&](int64_t, const Pack<T, kWidth>& row) {
#pragma unroll
        for (int i = 0; i < kWidth; ++i) {
          const float difference = toFloat(row.values[i]) - origin[i];
          sums[i] += difference;
          squares[i] = fmaf(difference, difference, squares[i]);
        }
      });
  moments.count = static_cast<float>(rows.count);
#pragma unroll
  for (int i = 0; i < kWidth; ++i) {
    const float meanDifference = sums[i] / moments.count;
    moments.mean[i] = origin[i] + meanDifference;
    moments.squares[i] = fmaxf(squares[i] - sums[i] * meanDifference, 0);
  }
  return moments;
}

/// What the statistics become.
struct Statistics {
  float* mean;        // (groups, channels)
  float* inverseStd;  // (groups, channels)
  float eps;
  RunningStatistics running;
};

/// Moves running statistics of a thread's channels: (1 − momentum) · running + share · sums.
template <int kWidth>
__device__ void move(float* running, int64_t channel, float momentum, float share,
                     const float (&sums)[kWidth]) {
  float values[kWidth];
  loadFloats(running, channel, values);
#pragma unroll
  for (int i = 0; i < kWidth; ++i) values[i] = (1 - momentum) * values[i] + share * sums[i];
  storeFloats(running, channel, values);
}

/// Merges the moments of all parts, for the channels of this block.
template <int kWidth>
__device__ void finish(const RowGrid& grid, const Place<kWidth>& place, int64_t groups,
                       const float* workspace, const Statistics& out) {
  const auto count = static_cast<float>(grid.rows);
  float means[kWidth] = {};
  float variances[kWidth] = {};
  for (int64_t group = 0; group < groups; ++group) {
    Moments<kWidth> all{};
    eachPart(grid, place, group, workspace, [&](int64_t part, const Partial<kWidth>& partial) {
      Moments<kWidth> moments;
      moments.count = static_cast<float>(grid.rowsOf(part));
#pragma unroll
      for (int i = 0; i < kWidth; ++i) {
        moments.mean[i] = partial.first[i];
        moments.squares[i] = partial.second[i];
      }
      all.merge(moments);
    });
    mergeRows(all);
    if (threadIdx.y != 0 || !place.isInside) continue;
    float inverseStd[kWidth];
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      inverseStd[i] = 1 / sqrtf(all.squares[i] / count + out.eps);
      means[i] += all.mean[i];
      variances[i] += all.squares[i] / (count - 1);  // NaN for a single row, as in PyTorch
    }
    const int64_t ofGroup = group * grid.channels + place.channel;
    storeFloats(out.mean, ofGroup, all.mean);
    storeFloats(out.inverseStd, ofGroup, inverseStd);
  }
  if (threadIdx.y != 0 || !place.isInside) return;
  const float share = out.running.momentum / static_cast<float>(groups);
  move(out.running.mean, place.channel, out.running.momentum, share, means);
  move(out.running.var, place.channel, out.running.momentum, share, variances);
}

template <class T, int kWidth>
__global__ void __launch_bounds__(kThreads, kBlocksPerMultiprocessor)
    statistics(const T* x, RowGrid grid, int64_t groups, BatchNormScratch scratch, Statistics out) {
  const Place<kWidth> place(grid, Sweep::kDown);
  auto moments = momentsOf<T, kWidth>(x, place.rows);
  mergeRows(moments);
  storePartial(grid, place, moments.mean, moments.squares, scratch.workspace);
  if (isLastOfColumn(scratch.counters)) finish(grid, place, groups, scratch.workspace, out);
}

/// max(value, 0), but NaN stays NaN.
__device__ float relu(float value) { return value < 0 ? 0 : value; }

/// @param mask  written with kAddRelu, unless it is null
template <Epilogue kEpilogue, class T, int kWidth>
__global__ void __launch_bounds__(kThreads, kBlocksPerMultiprocessor)
    apply(const T* x, const T* residual, RowGrid grid, BatchNormAffine parameters, T* y,
          uint8_t* mask) {
  const Place<kWidth> place(grid, Sweep::kUp);
  const Affine<kWidth> affine(parameters, grid, place);
  eachRow<4>(
      place.rows,
      [&](int64_t offset) {
        TwoPacks<T, kWidth> loaded;
        loaded.first = load<kWidth>(x, offset);
        if (kEpilogue == Epilogue::kAddRelu) loaded.second = load<kWidth>(residual, offset);
        return loaded;
      },
      [&](int64_t offset, const TwoPacks<T, kWidth>& loaded) {
        Pack<T, kWidth> out;
        unsigned passes = 0;
#pragma unroll
        for (int i = 0; i < kWidth; ++i) {
          float value = affine(i, toFloat(loaded.first.values[i]));
          if (kEpilogue == Epilogue::kAddRelu) value += toFloat(loaded.second.values[i]);
          assign(out.values[i], kEpilogue == Epilogue::kNone ? value : relu(value));
          // Of the output as it is rounded, so that the gradient passes where y says so; and where
          // y is NaN.
          if (!(toFloat(out.values[i]) <= 0)) passes |= 1U << i;
        }
        store<kWidth>(y, offset, out);
        if (kEpilogue == Epilogue::kAddRelu && mask != nullptr) {
          writeGlobal(mask + offset / kWidth, static_cast<uint8_t>(passes));
        }
      });
}

}  // namespace

int64_t batchNormWorkspace(const BatchNormShape& shape) {
  return gridOf(shape).parts * shape.groups * 2 * shape.channels;
}

int64_t batchNormCounters(const BatchNormShape& shape) { return gridOf(shape).tiles; }

int64_t batchNormMask(const BatchNormShape& shape) {
  return shape.rows * shape.channels / widthOf(shape);
}

void batchNormStatistics(const BatchNormShape& shape, const void* x, float eps, float* mean,
                         float* inverseStd, const RunningStatistics& running,
                         const BatchNormScratch& scratch, cudaStream_t stream) {
  withLayout(shape, [&](auto layout) {
    using T = typename decltype(layout)::Type;
    const RowGrid grid = gridOf(shape);
    launch("statistics", statistics<T, layout.kWidth>, grid.blocks(shape.groups), grid.threads(),
           stream, static_cast<const T*>(x), grid, shape.groups, scratch,
           Statistics{mean, inverseStd, eps, running});
  });
}

void batchNormApply(const BatchNormShape& shape, Epilogue epilogue, const BatchNormAffine& affine,
                    const void* x, const void* residual, void* y, uint8_t* mask,
                    cudaStream_t stream) {
  withLayout(shape, [&](auto layout) {
    using T = typename decltype(layout)::Type;
    const auto kernel = epilogue == Epilogue::kNone   ? apply<Epilogue::kNone, T, layout.kWidth>
                        : epilogue == Epilogue::kRelu ? apply<Epilogue::kRelu, T, layout.kWidth>
                                                      : apply<Epilogue::kAddRelu, T, layout.kWidth>;
    const RowGrid grid = gridOf(shape);
    launch("apply", kernel, grid.blocks(shape.groups), grid.threads(), stream,
           static_cast<const T*>(x), static_cast<const T*>(residual), grid, affine,
           static_cast<T*>(y), mask);
  });
}

}  // namespace moco::cuda
