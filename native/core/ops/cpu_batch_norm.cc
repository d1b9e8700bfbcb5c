#include "core/ops/cpu_batch_norm.h"

#include <ATen/core/grad_mode.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/base/threads.h"
#include "core/ops/batch_norm_function.h"
#include "core/ops/cpu_batch_norm_kernels.h"

namespace moco {
namespace {

using kernels::BatchNormKernels;
using kernels::batchNormKernels;
using kernels::GradientRows;
using kernels::Mask;

/// Values in one block of rows. So few can be added up in fp32 with enough precision. The blocks,
/// and with them all results, do not depend on the number of threads.
constexpr int64_t kBlockValues = 1 << 17;

/// Activations as rows of channels. The rows are divided into blocks.
struct Rows {
  explicit Rows(const at::Tensor& x)
      : channels(x.size(1)),
        count(x.numel() / channels),
        inBlock(std::max<int64_t>(kBlockValues / channels, 1)),
        blocks((count + inBlock - 1) / inBlock) {}

  int64_t channels, count;  // numbers of channels and of rows
  int64_t inBlock, blocks;  // rows in a block, and number of blocks

  /// Calls `work(block, first, rows)` for every block, on all threads: `first` is the place of its
  /// first value, `rows` is how many rows it has.
  template <typename Work>
  void forEachBlock(const Work& work) const {
    parallelFor(blocks, [&](int64_t begin, int64_t end) {
      for (int64_t block = begin; block < end; ++block) {
        const int64_t first = block * inBlock;
        work(block, first * channels, std::min(inBlock, count - first));
      }
    });
  }

  /// Two sums for each channel: all of the first sums, then all of the second ones.
  /// @param add  add(first, rows, firstSums, secondSums) adds what a block has to its sums
  template <typename Add>
  std::vector<double> sums(const Add& add) const {
    std::vector<float> partial(blocks * 2 * channels);
    forEachBlock([&](int64_t block, int64_t first, int64_t rows) {
      float* sums = &partial[block * 2 * channels];
      add(first, rows, sums, sums + channels);
    });
    std::vector<double> total(2 * channels);
    for (int64_t block = 0; block < blocks; ++block) {
      for (int64_t i = 0; i < 2 * channels; ++i) total[i] += partial[block * 2 * channels + i];
    }
    return total;
  }
};

/// Calls `work` with the kernels for x's type.
template <typename Work>
auto withKernels(const at::Tensor& x, const Work& work) {
  if (x.scalar_type() == at::kFloat) return work(*batchNormKernels<float>());
  return work(*batchNormKernels<c10::BFloat16>());
}

/// What the forward pass leaves for the backward pass: the rows of a tensor (4, C) of fp32.
/// BatchNorm is y = x · scale + shift.
struct Statistics {
  explicit Statistics(const at::Tensor& rows)
      : mean(rows.mutable_data_ptr<float>()),
        invStd(mean + rows.size(1)),
        scale(invStd + rows.size(1)),
        shift(scale + rows.size(1)) {}

  float *mean, *invStd, *scale, *shift;
};

/// Computes the statistics of x and moves the running ones. The running variance follows the
/// unbiased estimate, with n − 1, as in PyTorch.
template <typename T>
at::Tensor statisticsOf(const BatchNormKernels<T>& kernels, const at::Tensor& x,
                        const BatchNormState& state) {
  const Rows rows(x);
  const T* data = x.const_data_ptr<T>();
  const std::vector<float> pivot(data, data + rows.channels);  // any value near the mean
  const auto sums = rows.sums([&](int64_t first, int64_t count, float* sum, float* squares) {
    kernels.addMoments(data + first, count, rows.channels, pivot.data(), sum, squares);
  });
  const auto tensor = at::empty({4, rows.channels}, at::kFloat);
  const Statistics statistics(tensor);
  const auto* weight = state.weight.const_data_ptr<float>();
  const auto* bias = state.bias.const_data_ptr<float>();
  auto* runningMean = state.runningMean.mutable_data_ptr<float>();
  auto* runningVar = state.runningVar.mutable_data_ptr<float>();
  const auto n = static_cast<double>(rows.count);
  for (int64_t c = 0; c < rows.channels; ++c) {
    const double difference = sums[c] / n;
    const double mean = pivot[c] + difference;
    const double squares = sums[rows.channels + c] / n - difference * difference;
    const double variance = squares < 0 ? 0 : squares;  // NaN stays NaN
    const double invStd = 1 / std::sqrt(variance + kBatchNormEps);
    statistics.mean[c] = static_cast<float>(mean);
    statistics.invStd[c] = static_cast<float>(invStd);
    statistics.scale[c] = static_cast<float>(weight[c] * invStd);
    statistics.shift[c] = static_cast<float>(bias[c] - mean * weight[c] * invStd);
    const auto move = [](float& running, double value) {
      running = static_cast<float>(running + kBatchNormMomentum * (value - running));
    };
    move(runningMean[c], mean);
    move(runningVar[c], variance * (n / (n - 1)));
  }
  return tensor;
}

template <typename T>
void apply(const BatchNormKernels<T>& kernels, const at::Tensor& x, const at::Tensor& statistics,
           Epilogue epilogue, const at::Tensor& residual, const at::Tensor& y) {
  const Rows rows(x);
  const Statistics of(statistics);
  const T* input = x.const_data_ptr<T>();
  const T* other = epilogue == Epilogue::kAddRelu ? residual.const_data_ptr<T>() : nullptr;
  T* output = y.mutable_data_ptr<T>();
  rows.forEachBlock([&](int64_t, int64_t first, int64_t count) {
    kernels.scaleShift(input + first, other ? other + first : nullptr, count, rows.channels,
                       of.scale, of.shift, epilogue != Epilogue::kNone, output + first);
  });
}

/// Writes what the layer makes of x to y, which may be x itself.
/// @return  the statistics
at::Tensor normaliseInto(const at::Tensor& x, const BatchNormState& state, Epilogue epilogue,
                         const at::Tensor& residual, const at::Tensor& y) {
  RECORD_FUNCTION("moco::batch_norm", {});
  return withKernels(x, [&](const auto& kernels) {
    auto statistics = statisticsOf(kernels, x, state);
    apply(kernels, x, statistics, epilogue, residual, y);
    return statistics;
  });
}

/// The gradient by x, dx = scale · (g − mean(g) − x̂ · mean(g · x̂)), written as a linear function
/// dx = scale · g + byX · x + constant of each channel. g is the gradient that passes the ReLU, and
/// x̂ is the normalised x.
struct InputGradient {
  std::vector<float> byX, constant;
};

InputGradient parameterGradients(const std::vector<double>& sums, const Statistics& of,
                                 int64_t rows, const BatchNormGradients& gradients) {
  const auto channels = static_cast<int64_t>(sums.size()) / 2;
  InputGradient input{std::vector<float>(channels), std::vector<float>(channels)};
  auto* weight = gradients.weight.mutable_data_ptr<float>();
  auto* bias = gradients.bias.mutable_data_ptr<float>();
  const auto n = static_cast<double>(rows);
  for (int64_t c = 0; c < channels; ++c) {
    const double sum = sums[c];
    const double sumByNormalised = sums[channels + c] * of.invStd[c];
    weight[c] = static_cast<float>(sumByNormalised);
    bias[c] = static_cast<float>(sum);
    const double slope = -of.scale[c] * of.invStd[c] * sumByNormalised / n;
    input.byX[c] = static_cast<float>(slope);
    input.constant[c] = static_cast<float>(-of.scale[c] * sum / n - slope * of.mean[c]);
  }
  return input;
}

template <typename T>
BatchNormGradients gradientsOf(const BatchNormKernels<T>& kernels, const BatchNormSaved& saved,
                               const at::Tensor& dy, const at::Tensor& dyOther) {
  const at::Tensor& x = saved.x;
  const Rows rows(x);
  const Statistics of(saved.statistics);
  const bool hasResidual = saved.epilogue == Epilogue::kAddRelu;
  const auto floats = at::TensorOptions(at::kFloat);
  const BatchNormGradients gradients{at::empty_like(x), at::empty({rows.channels}, floats),
                                     at::empty({rows.channels}, floats),
                                     hasResidual ? at::empty_like(x) : at::Tensor()};
  const auto from = [&](const at::Tensor& gradient, int64_t first, int64_t count) {
    return GradientRows<T>{gradient.const_data_ptr<T>() + first,
                           dyOther.defined() ? dyOther.const_data_ptr<T>() + first : nullptr,
                           x.const_data_ptr<T>() + first,
                           hasResidual ? saved.relu.const_data_ptr<T>() + first : nullptr,
                           of.scale,
                           of.shift,
                           count,
                           rows.channels};
  };
  const Mask mask = saved.epilogue == Epilogue::kNone ? Mask::kNone
                    : hasResidual                     ? Mask::kOutput
                                                      : Mask::kInput;
  T* const passed = hasResidual ? gradients.residual.template mutable_data_ptr<T>() : nullptr;
  const auto sums = rows.sums([&](int64_t first, int64_t count, float* sum, float* byInput) {
    kernels.addGradientSums(mask, from(dy, first, count), of.mean,
                            hasResidual ? passed + first : nullptr, sum, byInput);
  });
  const auto [byX, constant] = parameterGradients(sums, of, rows.count, gradients);
  T* const dx = gradients.x.template mutable_data_ptr<T>();
  const at::Tensor& gradient = hasResidual ? gradients.residual : dy;
  rows.forEachBlock(
      [&, byX = byX.data(), constant = constant.data()](int64_t, int64_t first, int64_t count) {
        kernels.inputGradient(hasResidual ? Mask::kNone : mask, from(gradient, first, count),
                              of.scale, byX, constant, dx + first);
      });
  return gradients;
}

struct CpuKernels {
  static BatchNormOutput forward(const at::Tensor& x, const BatchNormState& state,
                                 Epilogue epilogue, const at::Tensor& residual) {
    const auto y = at::empty_like(x);
    const auto statistics = normaliseInto(x, state, epilogue, residual, y);
    return {y, statistics, epilogue == Epilogue::kAddRelu ? y : at::Tensor()};
  }

  static BatchNormGradients backward(const BatchNormSaved& saved, const at::Tensor& dy,
                                     const at::Tensor& dyOther) {
    return withKernels(
        saved.x, [&](const auto& kernels) { return gradientsOf(kernels, saved, dy, dyOther); });
  }
};

}  // namespace

bool fitsCpuBatchNorm(const at::Tensor& x, const BatchNormState& state,
                      const at::Tensor& residual) {
  return batchNormKernels<float>() && x.is_cpu() && state.training && state.groups == 1 &&
         areChannelRows(x, state, residual) && x.size(1) % kernels::kBatchNormWidth == 0;
}

Twins cpuBatchNorm(const at::Tensor& x, const BatchNormState& state, Epilogue epilogue,
                   const at::Tensor& residual) {
  if (!at::GradMode::is_enabled()) {
    normaliseInto(x, state, epilogue, residual, /*y=*/x);
    return {x, x};
  }
  return BatchNormFunction<CpuKernels>::of(x, state, epilogue, residual);
}

}  // namespace moco
