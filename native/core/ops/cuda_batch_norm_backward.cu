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
struct LoadedGradient {
  Pack<T, kWidth> dy, dyOther, x;
  uint8_t passes;
};

/// Merges the sums of all parts, for the channels of this block.
template <int kWidth>
__device__ void finish(const RowGrid& grid, const Place<kWidth>& place, int64_t groups,
                       const float* workspace, const float* inverseStd, const BatchNormSums& out) {
  float dWeight[kWidth] = {};
  float dBias[kWidth] = {};
  for (int64_t group = 0; group < groups; ++group) {
    Sums<kWidth> all{};
    eachPart(grid, place, group, workspace, [&](int64_t, const Partial<kWidth>& partial) {
#pragma unroll
      for (int i = 0; i < kWidth; ++i) {
        all.gradient[i] += partial.first[i];
        all.product[i] += partial.second[i];
      }
    });
    mergeRows(all);
    if (threadIdx.y != 0 || !place.isInside) continue;
    float projection[kWidth];
    loadFloats(inverseStd, group * grid.channels + place.channel, projection);
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      projection[i] *= all.product[i];
      dBias[i] += all.gradient[i];
      dWeight[i] += projection[i];
    }
    const int64_t ofSums = group * 2 * grid.channels + place.channel;
    storeFloats(out.sums, ofSums, all.gradient);
    storeFloats(out.sums, ofSums + grid.channels, projection);
  }
  if (threadIdx.y != 0 || !place.isInside) return;
  storeFloats(out.dWeight, place.channel, dWeight);
  storeFloats(out.dBias, place.channel, dBias);
}

/// @param dyOther  read with kAddRelu, unless it is null
template <Epilogue kEpilogue, class T, int kWidth>
__global__ void __launch_bounds__(kThreads, kBlocksPerMultiprocessor)
    gradientSums(const T* dy, const T* dyOther, const T* x, const uint8_t* mask, RowGrid grid,
                 int64_t groups, BatchNormAffine parameters, T* dResidual, BatchNormScratch scratch,
                 BatchNormSums out) {
  const Place<kWidth> place(grid, Sweep::kUp);
  const Affine<kWidth> affine(parameters, grid, place);
  constexpr bool kAdds = kEpilogue == Epilogue::kAddRelu;
  Sums<kWidth> sums{};
  // More rows at once would not fit into the registers.
  eachRow<kAdds ? 2 : 4>(
      place.rows,
      [&](int64_t offset) {
        LoadedGradient<T, kWidth> loaded;
        loaded.dy = load<kWidth>(dy, offset);
        if (kAdds && dyOther != nullptr) loaded.dyOther = load<kWidth>(dyOther, offset);
        loaded.x = load<kWidth>(x, offset);
        if (kAdds) loaded.passes = readGlobal(mask + offset / kWidth);
        return loaded;
      },
      [&](int64_t offset, const LoadedGradient<T, kWidth>& loaded) {
        Pack<T, kWidth> passed = loaded.dy;
#pragma unroll
        for (int i = 0; i < kWidth; ++i) {
          const float in = toFloat(loaded.x.values[i]);
          if (kAdds && dyOther != nullptr) {
            // Rounded, as the sum is where PyTorch takes it.
            assign(passed.values[i],
                   toFloat(loaded.dy.values[i]) + toFloat(loaded.dyOther.values[i]));
          }
          if (kAdds && (loaded.passes >> i & 1) == 0) assign(passed.values[i], 0);
          float gradient = toFloat(passed.values[i]);
          if (kEpilogue == Epilogue::kRelu && affine(i, in) <= 0) gradient = 0;
          sums.gradient[i] += gradient;
          sums.product[i] = fmaf(gradient, in - affine.mean[i], sums.product[i]);
        }
        if (kAdds) store<kWidth>(dResidual, offset, passed);
      });
  mergeRows(sums);
  storePartial(grid, place, sums.gradient, sums.product, scratch.workspace);
  if (!isLastOfColumn(scratch.counters)) return;
  finish(grid, place, groups, scratch.workspace, parameters.inverseStd, out);
}

/// dx = scale · (dy − Σdy / n − x̂ · Σ(dy · x̂) / n), x̂ = (x − mean) · inverseStd.
template <Epilogue kEpilogue, class T, int kWidth>
__global__ void __launch_bounds__(kThreads, kBlocksPerMultiprocessor)
    inputGradient(const T* dy, const T* x, RowGrid grid, BatchNormAffine parameters,
                  const float* sums, T* dx) {
  const Place<kWidth> place(grid, Sweep::kDown);
  const Affine<kWidth> affine(parameters, grid, place);
  const auto count = static_cast<float>(grid.rows);
  float slope[kWidth] = {};
  float shift[kWidth] = {};
  if (place.isInside) {
    const int64_t ofSums = place.group * 2 * grid.channels + place.channel;
    float inverseStd[kWidth];
    loadFloats(parameters.inverseStd, place.group * grid.channels + place.channel, inverseStd);
    loadFloats(sums, ofSums, shift);
    loadFloats(sums, ofSums + grid.channels, slope);
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      slope[i] *= -inverseStd[i] / count;
      shift[i] /= -count;
    }
  }
  eachRow<4>(
      place.rows,
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
                   const void* dy, const void* dyOther, const void* x, const uint8_t* mask,
                   void* dResidual, const BatchNormSums& sums, const BatchNormScratch& scratch,
                   cudaStream_t stream) {
  withLayout(shape, [&](auto layout) {
    using T = typename decltype(layout)::Type;
    constexpr int kWidth = decltype(layout)::kWidth;
    const auto kernel = epilogue == Epilogue::kNone   ? gradientSums<Epilogue::kNone, T, kWidth>
                        : epilogue == Epilogue::kRelu ? gradientSums<Epilogue::kRelu, T, kWidth>
                                                      : gradientSums<Epilogue::kAddRelu, T, kWidth>;
    const RowGrid grid = gridOf(shape);
    launch("gradientSums", kernel, grid.blocks(shape.groups), grid.threads(), stream,
           static_cast<const T*>(dy), static_cast<const T*>(dyOther), static_cast<const T*>(x),
           mask, grid, shape.groups, affine, static_cast<T*>(dResidual), scratch, sums);
  });
}

void batchNormInputGradient(const BatchNormShape& shape, Epilogue epilogue,
                            const BatchNormAffine& affine, const void* dy, const void* x,
                            const float* sums, void* dx, cudaStream_t stream) {
  withLayout(shape, [&](auto layout) {
    using T = typename decltype(layout)::Type;
    const auto kernel = epilogue == Epilogue::kRelu
                            ? inputGradient<Epilogue::kRelu, T, layout.kWidth>
                            : inputGradient<Epilogue::kNone, T, layout.kWidth>;
    const RowGrid grid = gridOf(shape);
    launch("inputGradient", kernel, grid.blocks(shape.groups), grid.threads(), stream,
           static_cast<const T*>(dy), static_cast<const T*>(x), grid, affine, sums,
           static_cast<T*>(dx));
  });
}

}  // namespace moco::cuda
