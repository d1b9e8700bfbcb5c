#include "core/ops/pointwise_batch_norm.h"

#include <ATen/core/grad_mode.h>
#include <doctest/doctest.h>
#include <torch/csrc/autograd/autograd.h>

#include <array>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "core/ops/cuda_pointwise_batch_norm.h"
#include "support/fixtures.h"
#include "support/formula.h"
#include "support/kernels.h"
#include "support/within.h"

using namespace moco;

namespace {

const auto kNeedsKernels = doctest::skip(!canRunKernels());

constexpr std::array kEpilogues{Epilogue::kNone, Epilogue::kRelu, Epilogue::kAddRelu};

struct Shape {
  int64_t pictures, in, height, width, out;
};

/// Layers of a ResNet-50, one of them with fewer rows than channels, and odd ones.
const std::vector<Shape> kShapes{
    {4, 64, 16, 16, 256}, {4, 256, 4, 4, 1024}, {3, 7, 5, 3, 11}, {2, 13, 3, 3, 5}};

/// With one channel, and with two rows. The gradients of these are small differences of large
/// numbers, because what BatchNorm gives hardly depends on the weight, or on the input.
const std::vector<Shape> kDegenerateShapes{{5, 1, 2, 7, 1}, {2, 9, 1, 1, 4}};

/// Where the numbers of the convolution's input lie: behind a ReLU, or far from zero.
struct Range {
  double low, high;
};
constexpr Range kBehindRelu{-1, 1};  // of which what is below zero becomes zero

/// All results of a forward and a backward pass, converted to fp64.
using Outcome = std::vector<at::Tensor>;

constexpr std::array<const char*, 8> kNames{"y",       "running mean",       "running var",
                                            "by x",    "by the convolution", "by weight",
                                            "by bias", "by residual"};

Twins plain(const at::Tensor& x, const at::Tensor& weight, const BatchNormState& state,
            Epilogue epilogue, const at::Tensor& residual) {
  return plainBatchNorm(at::conv2d(x, weight), state, epilogue, residual);
}

/// Numbers that bf16 holds exactly, so that all types start from the same ones.
at::Tensor numbers(const char* name, at::IntArrayRef shape, const Range& range) {
  return formula::uniform(name, shape, range.low, range.high).to(at::kBFloat16);
}

struct Setting {
  Shape shape;
  Epilogue epilogue;
  Range range = kBehindRelu;
  at::MemoryFormat layout = at::MemoryFormat::ChannelsLast;
};

/// The types of activations and of BatchNorm's parameters.
struct Types {
  at::ScalarType activations, parameters;
};
constexpr Types kExact{at::kDouble, at::kDouble};
constexpr Types kSingle{at::kFloat, at::kFloat};
constexpr Types kNarrow{at::kBFloat16, at::kFloat};

Outcome run(decltype(&plain) function, const Setting& setting, const Types& types,
            at::Device device = at::kCPU) {
  const auto& [pictures, in, height, width, out] = setting.shape;
  const auto activations = [&](const at::Tensor& values) {
    return values.contiguous(setting.layout)
        .to(device, types.activations)
        .detach()
        .requires_grad_();
  };
  const auto parameter = [&](const char* name, double low, double high) {
    return formula::uniform(name, {out}, low, high).to(device, types.parameters);
  };
  const bool isBehindRelu = setting.range.low < 0;
  const auto input = numbers("x", {pictures, in, height, width}, setting.range);
  const auto x = activations(isBehindRelu ? input.relu() : input);
  const auto residual = activations(numbers("residual", {pictures, out, height, width}, {-1, 1}));
  const auto gradient = [&](const char* name) {
    return activations(numbers(name, {pictures, out, height, width}, {-1, 1})).detach();
  };
  const auto convolution = activations(numbers("convolution", {out, in, 1, 1}, {-1, 1}));
  const auto weight = parameter("weight", 0.5, 1.5).requires_grad_();
  const auto bias = parameter("bias", -0.5, 0.5).requires_grad_();
  const auto mean = parameter("mean", -0.1, 0.1), var = parameter("var", 0.5, 1.5);
  const BatchNormState state{weight, bias, mean, var, /*training=*/true, /*groups=*/1};
  const bool hasResidual = setting.epilogue == Epilogue::kAddRelu;
  const auto y =
      function(x, convolution, state, setting.epilogue, hasResidual ? residual : at::Tensor());
  Outcome outcome{y.first.detach(), mean, var};
  std::vector<at::Tensor> inputs{x, convolution, weight, bias};
  if (hasResidual) inputs.push_back(residual);
  for (const auto& result :
       torch::autograd::grad({y.first, y.second}, inputs, {gradient("dy"), gradient("dyOther")})) {
    outcome.push_back(result);
  }
  for (auto& tensor : outcome) tensor = tensor.to(at::kCPU, at::kDouble);
  return outcome;
}

void checkClose(const Outcome& outcome, const Outcome& expected, double tolerance) {
  REQUIRE(outcome.size() == expected.size());
  for (size_t i = 0; i < outcome.size(); ++i) {
    checkWithin(kNames[i], relativeDistance(outcome[i], expected[i]), tolerance);
  }
}

/// Checks a result in bf16 against the ordinary one, each compared with the exact one. Both round
/// by 2^-9 at two places, though not at the same ones. Behind a ReLU, gradients differ most by the
/// numbers near zero that are rounded to its other side, and vary more.
void checkNarrow(const Setting& setting, const Outcome& outcome, const Outcome& exact) {
  const Outcome ordinary = run(&plain, setting, kNarrow);
  const double most = setting.epilogue == Epilogue::kNone ? 1.5 : 2;
  for (size_t i = 0; i < exact.size(); ++i) {
    checkWithin(kNames[i], relativeDistance(outcome[i], exact[i]),
                most * relativeDistance(ordinary[i], exact[i]) + 1e-6);
  }
}

/// Calls `check` with every shape, epilogue and layout in memory.
template <class Check>
void forEverySetting(const std::vector<Shape>& shapes, const Check& check) {
  for (const auto& shape : shapes) {
    for (const auto epilogue : kEpilogues) {
      for (const auto layout : {at::MemoryFormat::ChannelsLast, at::MemoryFormat::Contiguous}) {
        INFO(shape.pictures, " × ", shape.in, " × ", shape.height, " × ", shape.width, " to ",
             shape.out, ", epilogue ", static_cast<int>(epilogue), ", layout ", layout);
        check(Setting{shape, epilogue, kBehindRelu, layout});
      }
    }
  }
}

/// The exact result and that by algebra, of inputs within one of a mean.
struct FarFromZero {
  Outcome exact, own;

  explicit FarFromZero(double mean) {
    const Setting setting{kShapes[0], Epilogue::kNone, {mean - 1, mean + 1}};
    exact = run(&plain, setting, kExact);
    own = run(&pointwiseConvolutionBatchNorm, setting, kSingle);
  }
};

}  // namespace

TEST_CASE("BatchNorm by algebra and its gradients are those of convolution and BatchNorm in fp64") {
  forEverySetting(kShapes, [](const Setting& setting) {
    const Outcome exact = run(&plain, setting, kExact);
    checkClose(run(&pointwiseConvolutionBatchNorm, setting, kExact), exact, 1e-12);
  });
  forEverySetting(kDegenerateShapes, [](const Setting& setting) {
    const Outcome exact = run(&plain, setting, kExact);
    checkClose(run(&pointwiseConvolutionBatchNorm, setting, kExact), exact, 1e-10);
  });
}

TEST_CASE("in fp32 and bf16 BatchNorm by algebra is about as exact as convolution and BatchNorm") {
  forEverySetting(kShapes, [](const Setting& setting) {
    const Outcome exact = run(&plain, setting, kExact);
    checkClose(run(&pointwiseConvolutionBatchNorm, setting, kSingle), exact, 2e-6);
    checkNarrow(setting, run(&pointwiseConvolutionBatchNorm, setting, kNarrow), exact);
  });
}

TEST_CASE("the CUDA kernels of BatchNorm by algebra compute what PyTorch's operators do" *
          kNeedsKernels) {
  at::globalContext().setAllowTF32CuDNN(false);
  const std::vector<Shape> shapes{
      {2, 64, 8, 8, 256}, {3, 7, 5, 3, 11}, {2, 13, 3, 3, 5}, {2, 264, 4, 2, 300}};
  forEverySetting(shapes, [](const Setting& setting) {
    const Outcome exact = run(&plain, setting, kExact);
    checkClose(run(&cudaPointwiseBatchNorm, setting, kSingle, kernelDevice()), exact, 1e-5);
    // They know nothing of the ReLU, whose kink makes the errors of bf16 vary.
    if (setting.epilogue != Epilogue::kNone) return;
    checkNarrow(setting, run(&cudaPointwiseBatchNorm, setting, kNarrow, kernelDevice()), exact);
  });
}

TEST_CASE("the CUDA kernels of BatchNorm by algebra do not depend on the order of threads" *
          kNeedsKernels) {
  const Setting setting{{2, 264, 4, 2, 300}, Epilogue::kAddRelu};
  const auto inOrder = [&](uint32_t seed) {
    orderThreads(seed);
    return run(&cudaPointwiseBatchNorm, setting, kNarrow, kernelDevice());
  };
  const Outcome first = inOrder(1), second = inOrder(2);
  for (size_t i = 0; i < first.size(); ++i) CHECK(second[i].equal(first[i]));
}

TEST_CASE("the CUDA kernels of BatchNorm by algebra keep NaN" * kNeedsKernels) {
  const at::NoGradGuard noGrad;
  auto x = at::ones({2, 8, 3, 3});
  x[1][3][0][2] = std::numeric_limits<float>::quiet_NaN();
  const auto convolution = numbers("convolution", {16, 8, 1, 1}, {-1, 1});
  const auto ones = at::ones({16}, kernelDevice()), zeros = at::zeros({16}, kernelDevice());
  const auto mean = zeros.clone(), var = ones.clone();
  const auto y =
      cudaPointwiseBatchNorm(x.to(kernelDevice()), convolution.to(kernelDevice(), at::kFloat),
                             {ones, zeros, mean, var, true, 1}, Epilogue::kNone, {})
          .first;
  CHECK(y.isnan().all().item<bool>());
  CHECK(mean.isnan().all().item<bool>());
  CHECK(var.isnan().all().item<bool>());
}

TEST_CASE("far from zero, the variance by algebra loses digits as its comment says") {
  // The inputs' standard deviation is 1/√3. With a mean of 10 that is 17 of them, with 100 it is
  // 170.
  const FarFromZero near(10), far(100);
  checkWithin("near, running var", relativeDistance(near.own[2], near.exact[2]), 5e-5);
  checkWithin("near, y", relativeDistance(near.own[0], near.exact[0]), 5e-5);
  checkWithin("far, running var", relativeDistance(far.own[2], far.exact[2]), 5e-3);
  checkWithin("far, y", relativeDistance(far.own[0], far.exact[0]), 5e-3);
}

TEST_CASE("a constant input, whose variance is zero, gives BatchNorm by algebra no NaN") {
  const at::NoGradGuard noGrad;
  const auto x = at::full({2, 8, 3, 3}, 1234.5);
  const auto convolution = numbers("convolution", {16, 8, 1, 1}, {-1, 1}).to(at::kFloat);
  const auto ones = at::ones({16}), zeros = at::zeros({16}), mean = at::zeros({16});
  const auto var = at::ones({16});
  const auto y = pointwiseConvolutionBatchNorm(x, convolution, {ones, zeros, mean, var, true, 1},
                                               Epilogue::kNone)
                     .first;
  CHECK(y.isfinite().all().item<bool>());
  CHECK(var.isfinite().all().item<bool>());
}

TEST_CASE("NaN stays NaN through BatchNorm by algebra") {
  const at::NoGradGuard noGrad;
  auto x = at::ones({2, 8, 3, 3});
  x[1][3][0][2] = std::numeric_limits<float>::quiet_NaN();
  const auto convolution = numbers("convolution", {16, 8, 1, 1}, {-1, 1}).to(at::kFloat);
  const auto ones = at::ones({16}), zeros = at::zeros({16}), mean = at::zeros({16});
  const auto var = at::ones({16});
  for (const auto epilogue : kEpilogues) {
    const auto y = pointwiseConvolutionBatchNorm(x, convolution, {ones, zeros, mean, var, true, 1},
                                                 epilogue, at::zeros({2, 16, 3, 3}))
                       .first;
    CHECK(y.isnan().all().item<bool>());
  }
  CHECK(mean.isnan().all().item<bool>());
}

TEST_CASE("gradients by the convolution's weight lie in memory as the weight does") {
  // Copying lists of tensors is slow where they do not.
  const auto weight = at::ones({16, 8, 1, 1}).contiguous(at::MemoryFormat::ChannelsLast);
  const auto parameter = at::ones({16}).requires_grad_();
  const auto leaf = weight.as_strided({16, 8, 1, 1}, {8, 1, 8, 8}).detach().requires_grad_();
  const auto y =
      pointwiseConvolutionBatchNorm(
          numbers("x", {4, 8, 3, 3}, {-1, 1}).to(at::kFloat), leaf,
          {parameter, parameter, at::zeros({16}), at::ones({16}), true, 1}, Epilogue::kRelu)
          .first;
  const auto gradient = torch::autograd::grad({y.sum()}, {leaf})[0];
  CHECK(gradient.strides() == leaf.strides());
}

TEST_CASE(
    "BatchNorm by algebra is for 1×1 convolutions of stride 1 to more channels, in training") {
  const auto fits = [](int64_t in, int64_t out, int64_t kernel, int64_t stride, bool training,
                       int64_t groups) {
    const auto parameter = at::ones({out});
    const BatchNormState state{parameter, parameter, parameter, parameter, training, groups};
    return fitsPointwiseBatchNorm(at::empty({out, in, kernel, kernel}), stride, state);
  };
  CHECK(fits(64, 256, 1, 1, true, 1));
  CHECK_FALSE(fits(64, 256, 3, 1, true, 1));
  CHECK_FALSE(fits(64, 256, 1, 2, true, 1));
  CHECK_FALSE(fits(64, 64, 1, 1, true, 1));
  CHECK_FALSE(fits(256, 64, 1, 1, true, 1));
  CHECK_FALSE(fits(64, 256, 1, 1, false, 1));
  CHECK_FALSE(fits(64, 256, 1, 1, true, 2));
}

TEST_CASE("BatchNorm by algebra is computed only where the environment asks for it") {
  constexpr const char* kName = "MOCO_POINTWISE_BATCH_NORM";
  const char* before = std::getenv(kName);
  const std::string kept = before == nullptr ? "" : before;
  unsetenv(kName);
  CHECK_FALSE(asksForPointwiseBatchNorm());
  setenv(kName, "0", /*overwrite=*/1);
  CHECK_FALSE(asksForPointwiseBatchNorm());
  setenv(kName, "1", /*overwrite=*/1);
  CHECK(asksForPointwiseBatchNorm());
  if (before == nullptr) {
    unsetenv(kName);
  } else {
    setenv(kName, kept.c_str(), /*overwrite=*/1);
  }
}
