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
__device__ Moments<kWidth> momentsOf(const T* x, const Place<kWidth>& place) {
  float origin[kWidth] = {};
  if (place.begin < place.end) {
    const auto first = load<kWidth>(x, place.begin);
#pragma unroll
    for (int i = 0; i < kWidth; ++i) origin[i] = toFloat(first.values[i]);
  }
  float count = 0;
  float sums[kWidth] = {};
  float squares[kWidth] = {};
  eachRow<8>(
      place, [&](int64_t offset) { return load<kWidth>(x, offset); },
      [&](int64_t, const Pack<T, kWidth>& row) {
        count += 1;
#pragma unroll
        for (int i = 0; i < kWidth; ++i) {
          const float difference = toFloat(row.values[i]) - origin[i];
          sums[i] += difference;
          squares[i] = fmaf(difference, difference, squares[i]);
        }
      });
  Moments<kWidth> moments{};
  if (count == 0) return moments;
  moments.count = count;
#pragma unroll
  for (int i = 0; i < kWidth; ++i) {
    const float meanDifference = sums[i] / count;
    moments.mean[i] = origin[i] + meanDifference;
    moments.squares[i] = fmaxf(squares[i] - sums[i] * meanDifference, 0);
  }
  return moments;
}

template <class T, int kWidth>
__global__ void __launch_bounds__(kThreads, kBlocksPerMultiprocessor)
    partialMoments(const T* x, RowGrid grid, float* workspace) {
  const Place<kWidth> place(grid);
  auto moments = momentsOf(x, place);
  mergeRows<kThreads>(moments);
  storePartial(grid, place, moments.mean, moments.squares, workspace);
}

__global__ void __launch_bounds__(kFinishThreads)
    finishMoments(const float* workspace, RowGrid grid, int64_t groups, float eps, float* mean,
                  float* inverseStd, RunningStatistics running) {
  const int64_t channel = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const bool isInside = channel < grid.channels;
  const auto count = static_cast<float>(grid.rows);
  float means = 0;
  float variances = 0;
  for (int64_t group = 0; group < groups; ++group) {
    Moments<1> all{};
    for (int64_t part = threadIdx.y; isInside && part < grid.parts; part += blockDim.y) {
      all.merge({static_cast<float>(grid.rowsOf(part)),
                 {workspace[partial(grid, group, part, 0) + channel]},
                 {workspace[partial(grid, group, part, 1) + channel]}});
    }
    mergeRows<kFinishThreads>(all);
    if (threadIdx.y != 0 || !isInside) continue;
    mean[group * grid.channels + channel] = all.mean[0];
    inverseStd[group * grid.channels + channel] = 1 / sqrtf(all.squares[0] / count + eps);
    means += all.mean[0];
    variances += all.squares[0] / (count - 1);  // NaN for a single row, as in PyTorch
  }
  if (threadIdx.y != 0 || !isInside) return;
  const float share = running.momentum / static_cast<float>(groups);
  running.mean[channel] = (1 - running.momentum) * running.mean[channel] + share * means;
  running.var[channel] = (1 - running.momentum) * running.var[channel] + share * variances;
}

/// max(value, 0), but NaN stays NaN.
__device__ float relu(float value) { return value < 0 ? 0 : value; }

template <Epilogue kEpilogue, class T, int kWidth>
__global__ void __launch_bounds__(kThreads, kBlocksPerMultiprocessor)
    apply(const T* x, const T* residual, RowGrid grid, BatchNormAffine parameters, T* y) {
  const Place<kWidth> place(grid);
  const Affine<kWidth> affine(parameters, grid, place);
  eachRow<4>(
      place,
      [&](int64_t offset) {
        TwoPacks<T, kWidth> loaded;
        loaded.first = load<kWidth>(x, offset);
        if (kEpilogue == Epilogue::kAddRelu) loaded.second = load<kWidth>(residual, offset);
        return loaded;
      },
      [&](int64_t offset, const TwoPacks<T, kWidth>& loaded) {
        Pack<T, kWidth> out;
#pragma unroll
        for (int i = 0; i < kWidth; ++i) {
          float value = affine(i, toFloat(loaded.first.values[i]));
          if (kEpilogue == Epilogue::kAddRelu) value += toFloat(loaded.second.values[i]);
          assign(out.values[i], kEpilogue == Epilogue::kNone ? value : relu(value));
        }
        store<kWidth>(y, offset, out);
      });
}

}  // namespace

int64_t batchNormWorkspace(const BatchNormShape& shape) {
  // Which width of access will be taken depends on addresses that are not known yet: enough for the
  // one with more parts.
  const int widest = shape.type == ElementType::kBFloat16 ? 8 : 4;
  const int64_t narrow = gridOf(shape, 1).parts;
  const int64_t wide = shape.channels % widest == 0 ? gridOf(shape, widest).parts : narrow;
  return (narrow < wide ? wide : narrow) * shape.groups * 2 * shape.channels;
}

void batchNormStatistics(const BatchNormShape& shape, const void* x, float eps, float* mean,
                         float* inverseStd, const RunningStatistics& running, float* workspace,
                         cudaStream_t stream) {
  withLayout(shape, {x}, [&](auto layout) {
    using T = typename decltype(layout)::Type;
    const RowGrid grid = gridOf(shape, layout.kWidth);
    launch("partialMoments", partialMoments<T, layout.kWidth>, grid.blocks(shape.groups),
           grid.threads(), stream, static_cast<const T*>(x), grid, workspace);
    launch("finishMoments", finishMoments, finishBlocks(shape), {kFinishChannels, kFinishParts},
           stream, workspace, grid, shape.groups, eps, mean, inverseStd, running);
  });
}

void batchNormApply(const BatchNormShape& shape, Epilogue epilogue, const BatchNormAffine& affine,
                    const void* x, const void* residual, void* y, cudaStream_t stream) {
  withLayout(shape, {x, residual, y}, [&](auto layout) {
    using T = typename decltype(layout)::Type;
    const auto kernel = epilogue == Epilogue::kNone   ? apply<Epilogue::kNone, T, layout.kWidth>
                        : epilogue == Epilogue::kRelu ? apply<Epilogue::kRelu, T, layout.kWidth>
                                                      : apply<Epilogue::kAddRelu, T, layout.kWidth>;
    const RowGrid grid = gridOf(shape, layout.kWidth);
    launch("apply", kernel, grid.blocks(shape.groups), grid.threads(), stream,
           static_cast<const T*>(x), static_cast<const T*>(residual), grid, affine,
           static_cast<T*>(y));
  });
}

}  // namespace moco::cuda
