#include "core/ops/cuda_batch_norm.cuh"

namespace moco::cuda {
namespace {

/// Sums over rows of the gradient, and of the gradient times x − mean.
template <int kWidth>
struct Sums {
  float gradient[kWidth];
  float product[kWidth];

  __device__ void merge(const Sums& other) {
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      gradient[i] += other.gradient[i];
      product[i] += other.product[i];
    }
  }
};

template <class T, int kWidth>
struct ThreePacks {
  Pack<T, kWidth> dy, x, y;
};

template <Epilogue kEpilogue, class T, int kWidth>
__global__ void __launch_bounds__(kThreads, kBlocksPerMultiprocessor)
    partialSums(const T* dy, const T* x, const T* y, RowGrid grid, BatchNormAffine parameters,
                T* dResidual, float* workspace) {
  const Place<kWidth> place(grid);
  const Affine<kWidth> affine(parameters, grid, place);
  Sums<kWidth> sums{};
  // More rows at once would not fit into the registers.
  eachRow<kEpilogue == Epilogue::kAddRelu ? 2 : 4>(
      place,
      [&](int64_t offset) {
        ThreePacks<T, kWidth> loaded;
        loaded.dy = load<kWidth>(dy, offset);
        loaded.x = load<kWidth>(x, offset);
        if (kEpilogue == Epilogue::kAddRelu) loaded.y = load<kWidth>(y, offset);
        return loaded;
      },
      [&](int64_t offset, const ThreePacks<T, kWidth>& loaded) {
        Pack<T, kWidth> masked;
#pragma unroll
        for (int i = 0; i < kWidth; ++i) {
          const float in = toFloat(loaded.x.values[i]);
          float gradient = toFloat(loaded.dy.values[i]);
          if (kEpilogue == Epilogue::kRelu && affine(i, in) <= 0) gradient = 0;
          if (kEpilogue == Epilogue::kAddRelu && toFloat(loaded.y.values[i]) <= 0) gradient = 0;
          sums.gradient[i] += gradient;
          sums.product[i] = fmaf(gradient, in - affine.mean[i], sums.product[i]);
          assign(masked.values[i], gradient);
        }
        if (kEpilogue == Epilogue::kAddRelu) store<kWidth>(dResidual, offset, masked);
      });
  mergeRows<kThreads>(sums);
  storePartial(grid, place, sums.gradient, sums.product, workspace);
}

__global__ void __launch_bounds__(kFinishThreads)
    finishSums(const float* workspace, RowGrid grid, int64_t groups, const float* inverseStd,
               BatchNormSums out) {
  const int64_t channel = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const bool isInside = channel < grid.channels;
  float dWeight = 0;
  float dBias = 0;
  for (int64_t group = 0; group < groups; ++group) {
    Sums<1> all{};
    for (int64_t part = threadIdx.y; isInside && part < grid.parts; part += blockDim.y) {
      all.merge({{workspace[partial(grid, group, part, 0) + channel]},
                 {workspace[partial(grid, group, part, 1) + channel]}});
    }
    mergeRows<kFinishThreads>(all);
    if (threadIdx.y != 0 || !isInside) continue;
    const float projection = all.product[0] * inverseStd[group * grid.channels + channel];
    out.sums[group * 2 * grid.channels + channel] = all.gradient[0];
    out.sums[(group * 2 + 1) * grid.channels + channel] = projection;
    dBias += all.gradient[0];
    dWeight += projection;
  }
  if (threadIdx.y != 0 || !isInside) return;
  out.dWeight[channel] = dWeight;
  out.dBias[channel] = dBias;
}

/// dx = scale · (dy − Σdy / n − x̂ · Σ(dy · x̂) / n), x̂ = (x − mean) · inverseStd.
template <Epilogue kEpilogue, class T, int kWidth>
__global__ void __launch_bounds__(kThreads, kBlocksPerMultiprocessor)
    inputGradient(const T* dy, const T* x, RowGrid grid, BatchNormAffine parameters,
                  const float* sums, T* dx) {
  const Place<kWidth> place(grid);
  const Affine<kWidth> affine(parameters, grid, place);
  const auto count = static_cast<float>(grid.rows);
  float slope[kWidth] = {};
  float shift[kWidth] = {};
  if (place.isInside) {
    const int64_t ofGroup = place.group * grid.channels + place.channel;
    const float* const dySums = sums + place.group * 2 * grid.channels + place.channel;
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      slope[i] = -dySums[grid.channels + i] / count * parameters.inverseStd[ofGroup + i];
      shift[i] = -dySums[i] / count;
    }
  }
  eachRow<4>(
      place,
      [&](int64_t offset) {
        TwoPacks<T, kWidth> loaded;
        loaded.first = load<kWidth>(dy, offset);
        loaded.second = load<kWidth>(x, offset);
        return loaded;
      },
      [&](int64_t offset, const TwoPacks<T, kWidth>& loaded) {
        Pack<T, kWidth> out;
#pragma unroll
        for (int i = 0; i < kWidth; ++i) {
          const float in = toFloat(loaded.second.values[i]);
          float gradient = toFloat(loaded.first.values[i]);
          if (kEpilogue == Epilogue::kRelu && affine(i, in) <= 0) gradient = 0;
          const float centred = fmaf(in - affine.mean[i], slope[i], gradient + shift[i]);
          assign(out.values[i], affine.scale[i] * centred);
        }
        store<kWidth>(dx, offset, out);
      });
}

}  // namespace

void batchNormSums(const BatchNormShape& shape, Epilogue epilogue, const BatchNormAffine& affine,
                   const void* dy, const void* x, const void* y, void* dResidual,
                   const BatchNormSums& sums, float* workspace, cudaStream_t stream) {
  withLayout(shape, {dy, x, y, dResidual}, [&](auto layout) {
    using T = typename decltype(layout)::Type;
    const auto kernel = epilogue == Epilogue::kNone ? partialSums<Epilogue::kNone, T, layout.kWidth>
                        : epilogue == Epilogue::kRelu
                            ? partialSums<Epilogue::kRelu, T, layout.kWidth>
                            : partialSums<Epilogue::kAddRelu, T, layout.kWidth>;
    const RowGrid grid = gridOf(shape, layout.kWidth);
    launch("partialSums", kernel, grid.blocks(shape.groups), grid.threads(), stream,
           static_cast<const T*>(dy), static_cast<const T*>(x), static_cast<const T*>(y), grid,
           affine, static_cast<T*>(dResidual), workspace);
    launch("finishSums", finishSums, finishBlocks(shape), {kFinishChannels, kFinishParts}, stream,
           workspace, grid, shape.groups, affine.inverseStd, sums);
  });
}

void batchNormInputGradient(const BatchNormShape& shape, Epilogue epilogue,
                            const BatchNormAffine& affine, const void* dy, const void* x,
                            const float* sums, void* dx, cudaStream_t stream) {
  withLayout(shape, {dy, x, dx}, [&](auto layout) {
    using T = typename decltype(layout)::Type;
    const auto kernel = epilogue == Epilogue::kRelu
                            ? inputGradient<Epilogue::kRelu, T, layout.kWidth>
                            : inputGradient<Epilogue::kNone, T, layout.kWidth>;
    const RowGrid grid = gridOf(shape, layout.kWidth);
    launch("inputGradient", kernel, grid.blocks(shape.groups), grid.threads(), stream,
           static_cast<const T*>(dy), static_cast<const T*>(x), grid, affine, sums,
           static_cast<T*>(dx));
  });
}

}  // namespace moco::cuda
