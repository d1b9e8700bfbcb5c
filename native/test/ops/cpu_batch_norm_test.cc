#include "core/ops/cpu_batch_norm.h"

#include <ATen/core/grad_mode.h>
#include <doctest/doctest.h>
#include <torch/csrc/autograd/autograd.h>

#include <array>
#include <limits>
#include <string>
#include <vector>

#include "core/ops/cpu_batch_norm_kernels.h"
#include "support/compute_threads.h"
#include "support/fixtures.h"
#include "support/formula.h"

using namespace moco;

namespace {

const auto kNeedsKernels = doctest::skip(!kernels::batchNormKernels<float>());

struct Case {
  std::vector<int64_t> shape;  // (B, C) or (B, C, H, W)
  Epilogue epilogue;
  double tolerance = 1e-5;  // in fp32, which rounds by 6e-8
  int64_t groups = 1;
};

/// Odd numbers of rows, one row in a block, many blocks, and the two dimensions of the projection
/// head. The tolerance is larger for the case with millions of values: some of them are so near
/// zero that rounding moves them across the kink of the ReLU, where the gradient jumps.
const std::vector<Case> kCases{
    {{4, 16, 5, 7}, Epilogue::kRelu},     {{2, 48, 3, 3}, Epilogue::kNone},
    {{3, 64, 8, 8}, Epilogue::kAddRelu},  {{64, 64, 32, 32}, Epilogue::kAddRelu, 5e-3},
    {{8, 512}, Epilogue::kRelu},          {{2, 2048, 4, 4}, Epilogue::kAddRelu},
    {{7, 16}, Epilogue::kNone},           {{6, 32, 4, 4}, Epilogue::kAddRelu, 1e-5, 3},
    {{8, 512}, Epilogue::kRelu, 1e-5, 2}, {{12, 16, 40, 40}, Epilogue::kNone, 1e-5, 4}};

at::Tensor uniform(const std::string& name, const std::vector<int64_t>& shape, double low,
                   double high) {
  const auto values = formula::uniform(name, shape, low, high);
  return shape.size() == 4 ? values.contiguous(at::MemoryFormat::ChannelsLast) : values;
}

/// All results of a forward and a backward pass, converted to fp64.
using Outcome = std::vector<at::Tensor>;
using Function = decltype(&cpuBatchNorm);

constexpr std::array<const char*, 7> kNames{"y",         "running mean", "running var", "by x",
                                            "by weight", "by bias",      "by residual"};

Outcome run(Function function, const Case& what, at::ScalarType type, at::ScalarType master) {
  const int64_t channels = what.shape[1];
  const auto leaf = [](const at::Tensor& values, at::ScalarType as) {
    return values.to(as).detach().requires_grad_();
  };
  // bf16 holds these exactly, so that all types start from the same numbers.
  const auto x = leaf(uniform("x", what.shape, -2, 4).to(at::kBFloat16), type);
  const auto residual = leaf(uniform("residual", what.shape, -1, 1).to(at::kBFloat16), type);
  const auto dy = uniform("dy", what.shape, -1, 1).to(at::kBFloat16).to(type);
  const auto weight = leaf(formula::uniform("weight", {channels}, 0.5, 1.5), master);
  const auto bias = leaf(formula::uniform("bias", {channels}, -0.5, 0.5), master);
  const auto mean = formula::uniform("mean", {channels}, -0.1, 0.1).to(master);
  const auto var = formula::uniform("var", {channels}, 0.5, 1.5).to(master);
  const BatchNormState state{weight, bias, mean, var, /*training=*/true, what.groups};
  const bool hasResidual = what.epilogue == Epilogue::kAddRelu;
  const auto y = function(x, state, what.epilogue, hasResidual ? residual : at::Tensor()).first;
  Outcome outcome{y.detach(), mean, var};
  std::vector<at::Tensor> inputs{x, weight, bias};
  if (hasResidual) inputs.push_back(residual);
  for (const auto& gradient : torch::autograd::grad({y}, inputs, {dy})) outcome.push_back(gradient);
  for (auto& tensor : outcome) tensor = tensor.to(at::kDouble);
  return outcome;
}

void checkClose(const Outcome& outcome, const Outcome& expected, double tolerance) {
  REQUIRE(outcome.size() == expected.size());
  for (size_t i = 0; i < outcome.size(); ++i) {
    INFO(kNames[i]);
    CHECK(relativeDistance(outcome[i], expected[i]) < tolerance);
  }
}

}  // namespace

TEST_CASE("the CPU's BatchNorm and its gradients are those of PyTorch's operators in fp64" *
          kNeedsKernels) {
  for (const auto& what : kCases) {
    INFO(what.shape[0], " × ", what.shape[1], ", epilogue ", static_cast<int>(what.epilogue));
    const Outcome exact = run(&plainBatchNorm, what, at::kDouble, at::kDouble);
    checkClose(run(&cpuBatchNorm, what, at::kFloat, at::kFloat), exact, what.tolerance);
    // bf16 rounds by 2^-9; sums stay in fp32.
    checkClose(run(&cpuBatchNorm, what, at::kBFloat16, at::kFloat), exact, 1e-2);
  }
}

TEST_CASE("in bf16 the CPU's BatchNorm is as exact as PyTorch's operators" * kNeedsKernels) {
  // Far below what rounding to bf16 costs: both add up thousands of rows in fp32, each in an order
  // of its own, and where they cancel, as gradients by the bias do, either order may be luckier.
  constexpr double kOfSums = 1e-5;
  for (const auto& what : kCases) {
    const Outcome exact = run(&plainBatchNorm, what, at::kDouble, at::kDouble);
    const Outcome plain = run(&plainBatchNorm, what, at::kBFloat16, at::kFloat);
    const Outcome own = run(&cpuBatchNorm, what, at::kBFloat16, at::kFloat);
    for (size_t i = 0; i < exact.size(); ++i) {
      INFO(kNames[i], " of ", what.shape[0], " × ", what.shape[1]);
      CHECK(relativeDistance(own[i], exact[i]) <=
            1.1 * relativeDistance(plain[i], exact[i]) + kOfSums);
    }
  }
}

TEST_CASE("without gradients the CPU's BatchNorm gives the same, and writes it to x" *
          kNeedsKernels) {
  const at::NoGradGuard noGrad;
  const std::vector<int64_t> shape{3, 32, 5, 5};
  const auto ones = at::ones({32}), zeros = at::zeros({32});
  for (const auto epilogue : {Epilogue::kNone, Epilogue::kRelu, Epilogue::kAddRelu}) {
    INFO("epilogue ", static_cast<int>(epilogue));
    const auto x = uniform("x", shape, -2, 4).to(at::kBFloat16);
    const auto residual = uniform("residual", shape, -1, 1).to(at::kBFloat16);
    const auto normalised = [&](Function function) {
      const auto mean = at::zeros({32}), var = at::ones({32});
      const auto y = function(x, {ones, zeros, mean, var, true, 1}, epilogue,
                              epilogue == Epilogue::kAddRelu ? residual : at::Tensor())
                         .first;
      return Outcome{y, mean, var};
    };
    const Outcome plain = normalised(&plainBatchNorm), own = normalised(&cpuBatchNorm);
    CHECK(own[0].is_same(x));
    CHECK(relativeDistance(own[0], plain[0]) < 1e-2);
    CHECK(relativeDistance(own[1], plain[1]) < 1e-5);
    CHECK(relativeDistance(own[2], plain[2]) < 1e-5);
  }
}

TEST_CASE("the CPU's variance is exact even if the mean is large" * kNeedsKernels) {
  const at::NoGradGuard noGrad;
  const auto x =
      (uniform("x", {16, 16, 8, 8}, -1, 1) + 1000).contiguous(at::MemoryFormat::ChannelsLast);
  const auto expected = x.to(at::kDouble).transpose(0, 1).flatten(1).var(1) * kBatchNormMomentum;
  const auto ones = at::ones({16}), zeros = at::zeros({16}), var = at::zeros({16});
  const auto mean = at::zeros({16});
  cpuBatchNorm(x, {ones, zeros, mean, var, true, 1}, Epilogue::kNone, {});
  CHECK(relativeDistance(var, expected) < 1e-4);
}

TEST_CASE("NaN stays NaN through the CPU's BatchNorm and ReLU" * kNeedsKernels) {
  const at::NoGradGuard noGrad;
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    auto x = uniform("x", {2, 16, 4, 4}, -2, 2).to(type);
    x[0][3][1][2] = std::numeric_limits<float>::quiet_NaN();
    const auto ones = at::ones({16}), zeros = at::zeros({16});
    const auto mean = at::zeros({16}), var = at::ones({16});
    const auto y = cpuBatchNorm(x, {ones, zeros, mean, var, true, 1}, Epilogue::kRelu, {}).first;
    CHECK(y.select(1, 3).isnan().all().item<bool>());
    CHECK_FALSE(y.select(1, 2).isnan().any().item<bool>());
    CHECK(mean[3].isnan().item<bool>());
  }
}

TEST_CASE("the CPU's sums over rows do not depend on the number of threads" * kNeedsKernels) {
  const auto computedBy = [](int threads) {
    const ComputeThreads guard(threads);
    const Case what{{8, 64, 32, 32}, Epilogue::kAddRelu};
    return run(&cpuBatchNorm, what, at::kBFloat16, at::kFloat);
  };
  const Outcome together = computedBy(3), alone = computedBy(1);
  for (size_t i = 0; i < together.size(); ++i) CHECK(alone[i].equal(together[i]));
}

TEST_CASE("two readers of the CPU's BatchNorm have the same memory, and their gradients are added" *
          kNeedsKernels) {
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    const std::vector<int64_t> shape{3, 64, 5, 5};
    const auto tensor = [&](const std::string& name) {
      return uniform(name, shape, -1, 2).to(type);
    };
    const auto x = tensor("x").requires_grad_(), residual = tensor("residual").requires_grad_();
    const auto weight = at::ones({64}).requires_grad_(), bias = at::zeros({64}).requires_grad_();
    const auto mean = at::zeros({64}), var = at::ones({64});
    const auto dy = tensor("dy"), other = tensor("other");
    const auto gradients = [&](bool readsFirst, bool readsSecond,
                               const std::vector<at::Tensor>& gradient) {
      const auto y =
          cpuBatchNorm(x, {weight, bias, mean, var, true, 1}, Epilogue::kAddRelu, residual);
      CHECK(y.second.data_ptr() == y.first.data_ptr());
      std::vector<at::Tensor> outputs;
      if (readsFirst) outputs.push_back(y.first);
      if (readsSecond) outputs.push_back(y.second);
      return torch::autograd::grad(outputs, {x, weight, bias, residual}, gradient);
    };
    const auto sum = gradients(true, false, {dy + other});
    const auto both = gradients(true, true, {dy, other});
    const auto first = gradients(true, false, {dy});
    const auto second = gradients(false, true, {dy});
    for (size_t i = 0; i < sum.size(); ++i) {
      CHECK(both[i].equal(sum[i]));
      CHECK(second[i].equal(first[i]));
    }
  }
}

TEST_CASE("the CPU's BatchNorm is not for evaluation, odd channels and other types") {
  const auto fits = [](int64_t channels, at::ScalarType type, bool training, int64_t groups = 1) {
    const auto parameter = at::ones({channels});
    const BatchNormState state{parameter, parameter, parameter, parameter, training, groups};
    return fitsCpuBatchNorm(uniform("x", {4, channels, 3, 3}, -1, 1).to(type), state, {});
  };
  const bool hasKernels = kernels::batchNormKernels<float>() != nullptr;
  CHECK(fits(32, at::kFloat, true) == hasKernels);
  CHECK(fits(32, at::kBFloat16, true) == hasKernels);
  CHECK_FALSE(fits(33, at::kFloat, true));
  CHECK_FALSE(fits(32, at::kDouble, true));
  CHECK_FALSE(fits(32, at::kFloat, false));
  CHECK(fits(32, at::kFloat, true, 2) == hasKernels);
}
