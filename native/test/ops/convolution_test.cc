#include "core/ops/convolution.h"

#include <doctest/doctest.h>
#include <torch/csrc/autograd/autograd.h>

#include <string>
#include <utility>
#include <vector>

#include "core/device/device.h"
#include "core/device/profiler.h"
#include "core/ops/convolution_weight_gradient.h"
#include "core/ops/pointwise_convolution.h"
#include "core/ops/tile_convolution.h"
#include "core/ops/winograd_convolution.h"
#include "support/convolution_examples.h"

using namespace moco;
using convolution_examples::inputOf;
using convolution_examples::kShapes;
using convolution_examples::outputGradientOf;
using convolution_examples::weightOf;

namespace {

/// How far a result may be off, relative to its norm. Sums are in fp32; results in bf16 are rounded
/// to 8 significant bits, and once more where the processor has no bf16 that moco would use: there
/// oneDNN may round sums between (on Arm: 5.9e-3).
double tolerance(at::ScalarType type) {
  if (type == at::kFloat) return 1e-5;
  return cpuHasBf16() ? 4e-3 : 8e-3;
}

at::Tensor bf16(at::IntArrayRef shape) { return at::randn(shape).to(at::kBFloat16); }

/// A convolution for which this project has kernels of its own.
struct Layer {
  at::Tensor weight;
  int64_t stride, padding;
};

/// 3×3, 1×1, and 1×1 with a stride.
std::vector<Layer> layers() {
  return {{bf16({128, 128, 3, 3}), 1, 1},
          {bf16({256, 128, 1, 1}), 1, 0},
          {bf16({256, 128, 1, 1}), 2, 0}};
}

/// How often an operator has run.
int64_t callsOf(const Profiler& profiler, const std::string& name) {
  int64_t calls = 0;
  for (const auto& time : profiler.times()) {
    if (time.name == name) calls += time.calls;
  }
  return calls;
}

}  // namespace

TEST_CASE("a convolution of no pictures has no output and a gradient of zeros") {
  for (const auto& [weight, stride, padding] : layers()) {
    const auto x = bf16({0, 128, 8, 8}).requires_grad_();
    const auto parameter = weight.detach().requires_grad_();
    const auto y = convolution(x, parameter, stride, padding);
    CHECK(y.sizes() == at::IntArrayRef{0, weight.size(0), 8 / stride, 8 / stride});
    const auto gradients = torch::autograd::grad({y.sum()}, {x, parameter});
    CHECK(gradients[0].sizes() == x.sizes());
    CHECK(gradients[1].eq(0).all().item<bool>());
  }
}

TEST_CASE("a convolution refuses a stride of zero and pictures smaller than its kernel") {
  for (const auto& [weight, stride, padding] : layers()) {
    CHECK_THROWS_AS(convolution(bf16({64, 128, 8, 8}), weight, 0, padding), c10::Error);
    CHECK_THROWS_AS(convolution(bf16({64, 128, 8, 8}), weight, stride, -1), c10::Error);
    CHECK_THROWS_AS(convolution(bf16({64, 128, 0, 0}), weight, stride, 0), c10::Error);
  }
}

TEST_CASE("a convolution of our own refuses a second derivative, which it would get wrong" *
          doctest::skip(!usesPointwiseConvolution({64, 8, 8, 128, 256, 1, 1, 0}))) {
  const auto x = bf16({64, 128, 8, 8}).requires_grad_();
  const auto weight = bf16({256, 128, 1, 1}).requires_grad_();
  const auto y = convolution(x, weight, 1, 0);
  CHECK_THROWS_WITH_AS(
      torch::autograd::grad({y.sum()}, {weight}, {}, /*retain_graph=*/true, /*create_graph=*/true),
      doctest::Contains("second derivative"), c10::Error);
}

TEST_CASE("a convolution's output and gradients are PyTorch's, whichever kernel computes them") {
  for (const auto& shape : kShapes) {
    for (const auto type : {at::kBFloat16, at::kFloat}) {
      INFO(type, ", kernel ", shape.kernel, ", stride ", shape.stride, ", ", shape.in, " to ",
           shape.out, " channels");
      const auto run = [&](const auto& convolve, at::ScalarType computeType) {
        const auto x = inputOf(shape).to(computeType).requires_grad_();
        const auto weight = weightOf(shape).to(computeType).requires_grad_();
        const auto y = convolve(x, weight);
        const auto dy = outputGradientOf(shape).to(computeType);
        const auto gradients = torch::autograd::grad({y}, {x, weight}, {dy});
        return std::vector<at::Tensor>{y.detach(), gradients[0], gradients[1]};
      };
      const auto result = run(
          [&](const auto& x, const auto& weight) {
            return convolution(x, weight, shape.stride, shape.padding);
          },
          type);
      const auto expected = run(
          [&](const auto& x, const auto& weight) {
            return at::conv2d(x, weight, /*bias=*/{}, shape.stride, shape.padding);
          },
          at::kDouble);
      for (size_t i = 0; i < expected.size(); ++i) {
        CHECK((result[i].scalar_type() == type));
        const double off = (result[i].to(at::kDouble) - expected[i]).norm().item<double>();
        CHECK(off <= tolerance(type) * expected[i].norm().item<double>());
      }
    }
  }
}

TEST_CASE("only the gradients that are needed are computed, and they are PyTorch's") {
  for (const ConvolutionShape& shape :
       {ConvolutionShape{8, 16, 16, 64, 128, 3, 1, 1}, {2, 16, 16, 128, 256, 1, 2, 0}}) {
    for (const auto& [byInput, byWeight] :
         {std::pair{false, false}, {false, true}, {true, false}}) {
      INFO("kernel ", shape.kernel, ", by input: ", byInput, ", by weight: ", byWeight);
      const auto run = [&, byInput = byInput, byWeight = byWeight](const auto& convolve,
                                                                   at::ScalarType type) {
        const auto x = inputOf(shape).to(type).requires_grad_(byInput);
        const auto weight = weightOf(shape).to(type).requires_grad_(byWeight);
        const auto y = convolve(x, weight);
        if (y.requires_grad()) y.backward(outputGradientOf(shape).to(type));
        return std::vector<at::Tensor>{y.detach(), x.grad(), weight.grad()};
      };
      const Profiler profiler(at::kCPU, Profiler::Detail::kOperators);
      const auto result = run(
          [&](const auto& x, const auto& weight) {
            return convolution(x, weight, shape.stride, shape.padding);
          },
          at::kBFloat16);
      const bool ownByInput = usesTileConvolutionInputGradient(shape) ||
                              usesWinogradConvolution(shape) ||
                              usesPointwiseConvolutionInputGradient(shape);
      const bool ownByWeight = usesTileConvolutionWeightGradient(shape) ||
                               usesWinogradConvolution(shape) ||
                               usesConvolutionWeightGradient(shape);
      CHECK(callsOf(profiler, "moco::convolution_input_gradient") == (byInput && ownByInput));
      CHECK(callsOf(profiler, "moco::convolution_weight_gradient") == (byWeight && ownByWeight));
      const auto expected = run(
          [&](const auto& x, const auto& weight) {
            return at::conv2d(x, weight, /*bias=*/{}, shape.stride, shape.padding);
          },
          at::kDouble);
      for (size_t i = 0; i < expected.size(); ++i) {
        REQUIRE(result[i].defined() == expected[i].defined());
        if (!expected[i].defined()) continue;
        const double off = (result[i].to(at::kDouble) - expected[i]).norm().item<double>();
        CHECK(off <= tolerance(at::kBFloat16) * expected[i].norm().item<double>());
      }
    }
  }
}

TEST_CASE("a convolution refuses an input with another number of channels than its weight") {
  const auto x = at::zeros({8, 32, 16, 16}, at::kBFloat16);
  const auto weight = at::zeros({64, 64, 3, 3}, at::kBFloat16);
  CHECK_THROWS_AS(convolution(x, weight, 1, 1), c10::Error);
}
