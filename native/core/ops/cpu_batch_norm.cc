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

/// Activations as rows of channels. The rows are those of one group after the other, and each
/// group's are divided into blocks.
struct Rows {
  Rows(const at::Tensor& x, int64_t groups)
      : channels(x.size(1)),
        groups(groups),
        count(x.numel() / channels / groups),
        inBlock(std::max<int64_t>(kBlockValues / channels, 1)),
        blocks((count + inBlock - 1) / inBlock) {}

  int64_t channels, groups;
  int64_t count;            // rows in a group
  int64_t inBlock, blocks;  // rows in a block, and number of blocks in a group

  /// Which rows a block consists of.
  struct Block {
    int64_t number, group;
    int64_t first;  // the place of its first value
    int64_t rows;   // how many rows it has
  };

  /// Calls `work(block)` for every block of all groups, on all threads.
  template <typename Work>
  void forEachBlock(const Work& work) const {
    parallelFor(groups * blocks, [&](int64_t begin, int64_t end) {
      for (int64_t number = begin; number < end; ++number) {
        const int64_t group = number / blocks;
        const int64_t first = number % blocks * inBlock;
        work(Block{number, group, (group * count + first) * channels,
                   std::min(inBlock, count - first)});
      }
    });
  }

  /// Two sums for each channel of each group: (groups, 2, channels).
  /// @param add  add(block, firstSums, secondSums) adds what a block has to its sums
  template <typename Add>
  std::vector<double> sums(const Add& add) const {
    std::vector<float> partial(groups * blocks * 2 * channels);
    forEachBlock([&](const Block& block) {
      float* sums = &partial[block.number * 2 * channels];
      add(block, sums, sums + channels);
    });
    std::vector<double> total(groups * 2 * channels);
    for (int64_t block = 0; block < groups * blocks; ++block) {
      double* const ofGroup = &total[block / blocks * 2 * channels];
      for (int64_t i = 0; i < 2 * channels; ++i) ofGroup[i] += partial[block * 2 * channels + i];
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

/// What the forward pass leaves for the backward pass of one group: the rows of a tensor (4, C) of
/// fp32. BatchNorm is y = x · scale + shift.
struct Statistics {
  /// @param tensor  (groups, 4, C)
  Statistics(const at::Tensor& tensor, int64_t group)
      : mean(tensor.mutable_data_ptr<float>() + group * tensor.stride(0)),
        invStd(mean + tensor.size(2)),
        scale(invStd + tensor.size(2)),
        shift(scale + tensor.size(2)) {}

  float *mean, *invStd, *scale, *shift;
};

/// The mean and the variance of one channel of one group.
struct Moments {
  double mean, variance;
};

/// @param sums  of the differences of so many numbers from a pivot, and of their squares
Moments momentsOf(double sum, double squares, double pivot, double numbers) {
  const double difference = sum / numbers;
  const double variance = squares / numbers - difference * difference;
  return {pivot + difference, variance < 0 ? 0 : variance};  // NaN stays NaN
}

/// Computes the statistics of x, for each group of its pictures, and moves the running ones towards
/// the mean over the groups. The running variance follows the unbiased estimate, with n − 1, as in
/// PyTorch.
/// @return  (groups, 4, C)
template <typename T>
at::Tensor statisticsOf(const BatchNormKernels<T>& kernels, const at::Tensor& x,
                        const BatchNormState& state) {
  const Rows rows(x, state.groups);
  const int64_t channels = rows.channels;
  const T* data = x.const_data_ptr<T>();
  std::vector<float> pivots;  // (groups, C): any values near the mean
  for (int64_t group = 0; group < rows.groups; ++group) {
    const T* first = data + group * rows.count * channels;
    pivots.insert(pivots.end(), first, first + channels);
  }
  const auto sums = rows.sums([&](const Rows::Block& block, float* sum, float* squares) {
    kernels.addMoments(data + block.first, block.rows, channels, &pivots[block.group * channels],
                       sum, squares);
  });
  const auto tensor = at::empty({rows.groups, 4, channels}, at::kFloat);
  const auto* weight = state.weight.const_data_ptr<float>();
  const auto* bias = state.bias.const_data_ptr<float>();
  auto* runningMean = state.runningMean.mutable_data_ptr<float>();
  auto* runningVar = state.runningVar.mutable_data_ptr<float>();
  const auto n = static_cast<double>(rows.count);
  const auto groups = static_cast<double>(rows.groups);
  for (int64_t c = 0; c < channels; ++c) {
    Moments total{0, 0};
    for (int64_t group = 0; group < rows.groups; ++group) {
      const Statistics statistics(tensor, group);
      const double* const ofGroup = &sums[group * 2 * channels];
      const auto [mean, variance] =
          momentsOf(ofGroup[c], ofGroup[channels + c], pivots[group * channels + c], n);
      const double invStd = 1 / std::sqrt(variance + kBatchNormEps);
      statistics.mean[c] = static_cast<float>(mean);
      statistics.invStd[c] = static_cast<float>(invStd);
      statistics.scale[c] = static_cast<float>(weight[c] * invStd);
      statistics.shift[c] = static_cast<float>(bias[c] - mean * weight[c] * invStd);
      total.mean += mean;
      total.variance += variance * (n / (n - 1));
    }
    const auto move = [](float& running, double value) {
      running = static_cast<float>(running + kBatchNormMomentum * (value - running));
    };
    move(runningMean[c], total.mean / groups);
    move(runningVar[c], total.variance / groups);
  }
  return tensor;
}

template <typename T>
void apply(const BatchNormKernels<T>& kernels, const at::Tensor& x, const at::Tensor& statistics,
           Epilogue epilogue, const at::Tensor& residual, const at::Tensor& y) {
  const Rows rows(x, statistics.size(0));
  const T* input = x.const_data_ptr<T>();
  const T* other = epilogue == Epilogue::kAddRelu ? residual.const_data_ptr<T>() : nullptr;
  T* output = y.mutable_data_ptr<T>();
  rows.forEachBlock([&](const Rows::Block& block) {
    const Statistics of(statistics, block.group);
    kernels.scaleShift(input + block.first, other ? other + block.first : nullptr, block.rows,
                       rows.channels, of.scale, of.shift, epilogue != Epilogue::kNone,
                       output + block.first);
  });
}

/// Writes what the layer makes of x to y, which may be x itself.
/// @return  the statistics
at::Tensor normaliseInto(const at::Tensor& x, const BatchNormState& state, Epilogue epilogue,
                         const at::Tensor& residual, const at::Tensor& y) {
  RECORD_FUNCTION("moco::batch_norm", {});
  TORCH_CHECK(x.size(0) % state.groups == 0, state.groups, " groups do not divide the batch");
  return withKernels(x, [&](const auto& kernels) {
    auto statistics = statisticsOf(kernels, x, state);
    apply(kernels, x, statistics, epilogue, residual, y);
    return statistics;
  });
}

/// The gradient by x, dx = scale · (g − mean(g) − x̂ · mean(g · x̂)), written as a linear function
/// dx = scale · g + byX · x + constant of each channel of each group: (groups, C). g is the
/// gradient that passes the ReLU, and x̂ is the normalised x.
struct InputGradient {
  std::vector<float> byX, constant;
};

/// @param sums  (groups, 2, C), of g and of g · (x − mean)
InputGradient parameterGradients(const std::vector<double>& sums, const at::Tensor& statistics,
                                 int64_t rows, const BatchNormGradients& gradients) {
  const int64_t groups = statistics.size(0), channels = statistics.size(2);
  InputGradient input{std::vector<float>(groups * channels), std::vector<float>(groups * channels)};
  auto* weight = gradients.weight.mutable_data_ptr<float>();
  auto* bias = gradients.bias.mutable_data_ptr<float>();
  const auto n = static_cast<double>(rows);
  for (int64_t c = 0; c < channels; ++c) {
    double byWeight = 0, byBias = 0;
    for (int64_t group = 0; group < groups; ++group) {
      const Statistics of(statistics, group);
      const double sum = sums[group * 2 * channels + c];
      const double sumByNormalised = sums[(group * 2 + 1) * channels + c] * of.invStd[c];
      byWeight += sumByNormalised;
      byBias += sum;
      const double slope = -of.scale[c] * of.invStd[c] * sumByNormalised / n;
      input.byX[group * channels + c] = static_cast<float>(slope);
      input.constant[group * channels + c] =
          static_cast<float>(-of.scale[c] * sum / n - slope * of.mean[c]);
    }
    weight[c] = static_cast<float>(byWeight);
    bias[c] = static_cast<float>(byBias);
  }
  return input;
}

template <typename T>
BatchNormGradients gradientsOf(const BatchNormKernels<T>& kernels, const BatchNormSaved& saved,
                               const at::Tensor& dy, const at::Tensor& dyOther) {
  const at::Tensor& x = saved.x;
  const Rows rows(x, saved.statistics.size(0));
  const int64_t channels = rows.channels;
  const bool hasResidual = saved.epilogue == Epilogue::kAddRelu;
  const auto floats = at::TensorOptions(at::kFloat);
  const BatchNormGradients gradients{at::empty_like(x), at::empty({channels}, floats),
                                     at::empty({channels}, floats),
                                     hasResidual ? at::empty_like(x) : at::Tensor()};
  const auto from = [&](const at::Tensor& gradient, const Rows::Block& block) {
    const Statistics of(saved.statistics, block.group);
    return GradientRows<T>{gradient.const_data_ptr<T>() + block.first,
                           dyOther.defined() ? dyOther.const_data_ptr<T>() + block.first : nullptr,
                           x.const_data_ptr<T>() + block.first,
                           hasResidual ? saved.relu.const_data_ptr<T>() + block.first : nullptr,
                           of.scale,
                           of.shift,
                           block.rows,
                           channels};
  };
  const Mask mask = saved.epilogue == Epilogue::kNone ? Mask::kNone
                    : hasResidual                     ? Mask::kOutput
                                                      : Mask::kInput;
  T* const passed = hasResidual ? gradients.residual.template mutable_data_ptr<T>() : nullptr;
  const auto sums = rows.sums([&](const Rows::Block& block, float* sum, float* byInput) {
    kernels.addGradientSums(mask, from(dy, block), Statistics(saved.statistics, block.group).mean,
                            hasResidual ? passed + block.first : nullptr, sum, byInput);
  });
  const auto input = parameterGradients(sums, saved.statistics, rows.count, gradients);
  T* const dx = gradients.x.template mutable_data_ptr<T>();
  const at::Tensor& gradient = hasResidual ? gradients.residual : dy;
  rows.forEachBlock([&](const Rows::Block& block) {
    const int64_t ofGroup = block.group * channels;
    kernels.inputGradient(hasResidual ? Mask::kNone : mask, from(gradient, block),
                          Statistics(saved.statistics, block.group).scale, &input.byX[ofGroup],
                          &input.constant[ofGroup], dx + block.first);
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
  return batchNormKernels<float>() && x.is_cpu() && state.training &&
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
