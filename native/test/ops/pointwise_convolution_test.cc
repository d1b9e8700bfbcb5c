#include "core/ops/pointwise_convolution.h"

#include <doctest/doctest.h>
#include <torch/csrc/autograd/autograd.h>

#include <array>
#include <cmath>
#include <vector>

#include "core/device/device.h"
#include "core/ops/pointwise_convolution_kernels.h"
#include "support/compute_threads.h"
#include "support/convolution_examples.h"

using namespace moco;
using convolution_examples::inputOf;
using convolution_examples::outputGradientOf;
using convolution_examples::weightOf;

namespace {

const auto kNeedsKernels = doctest::skip(!kernels::pointwise_convolution::kernels());

/// Shapes of ResNets, and odd ones: one pixel, rows that do not fill a block, strides that leave a
/// rest.
const std::vector<ConvolutionShape> kShapes{
    {3, 16, 16, 128, 64, 1, 1, 0}, {2, 16, 16, 128, 256, 1, 2, 0}, {1, 1, 1, 64, 64, 1, 1, 0},
    {2, 9, 7, 192, 128, 1, 2, 0},  {5, 5, 8, 64, 128, 1, 3, 0},    {1, 7, 7, 64, 320, 1, 1, 0}};

struct Example {
  at::Tensor x, weight, dy;  // bf16
};

Example exampleOf(const ConvolutionShape& shape) {
  return {inputOf(shape).to(at::kBFloat16), weightOf(shape).to(at::kBFloat16),
          outputGradientOf(shape).to(at::kBFloat16)};
}

/// The output, and the gradient by the input.
using Results = std::array<at::Tensor, 2>;

Results own(const Example& example, const ConvolutionShape& shape) {
  return {pointwiseConvolution(example.x, example.weight, shape),
          pointwiseConvolutionInputGradient(example.dy, example.weight, shape)};
}

/// PyTorch's results in fp64.
/// @param magnitudes  true takes the absolute values of all numbers, to bound rounding errors
Results exact(const Example& example, const ConvolutionShape& shape, bool magnitudes) {
  const auto number = [&](const at::Tensor& tensor) {
    return magnitudes ? tensor.to(at::kDouble).abs() : tensor.to(at::kDouble);
  };
  const auto x = number(example.x).requires_grad_();
  const auto y = at::conv2d(x, number(example.weight), /*bias=*/{}, shape.stride);
  return {y.detach(), torch::autograd::grad({y}, {x}, {number(example.dy)}).front()};
}

}  // namespace

TEST_CASE("1×1 convolutions and their gradients by the input are fp64's, rounded to bf16" *
          kNeedsKernels) {
  for (const auto& shape : kShapes) {
    INFO(shape.in, " to ", shape.out, " channels, stride ", shape.stride);
    const auto example = exampleOf(shape);
    const auto expected = exact(example, shape, /*magnitudes=*/false);
    const auto magnitude = exact(example, shape, /*magnitudes=*/true);
    const auto result = own(example, shape);
    for (size_t i = 0; i < expected.size(); ++i) {
      CHECK((result[i].scalar_type() == at::kBFloat16));
      CHECK(result[i].is_contiguous(at::MemoryFormat::ChannelsLast));
      REQUIRE(result[i].sizes() == expected[i].sizes());
      // The error of adding n products in fp32 is at most n · 2⁻²⁴ of the sum of their magnitudes,
      // and that of rounding to bf16 is at most 2⁻⁸ of the result.
      const auto terms = static_cast<double>(i == 0 ? shape.in : shape.out);
      const auto adding = magnitude[i] * (terms * std::ldexp(1, -24));
      const auto allowed = adding + (expected[i].abs() + adding) * std::ldexp(1, -8);
      CHECK(((result[i].to(at::kDouble) - expected[i]).abs() <= allowed).all().item<bool>());
    }
  }
}

TEST_CASE("1×1 convolutions take activations and weights of any memory layout" * kNeedsKernels) {
  for (const auto& shape : kShapes) {
    auto example = exampleOf(shape);
    const auto expected = own(example, shape);
    for (auto* const tensor : {&example.x, &example.weight, &example.dy}) {
      // The same numbers in memory with gaps: every second one of a tensor twice as large.
      *tensor = at::stack({*tensor, *tensor}, -1).select(-1, 0);
    }
    const auto result = own(example, shape);
    for (size_t i = 0; i < expected.size(); ++i) CHECK(result[i].equal(expected[i]));
  }
}

TEST_CASE("the number of threads does not change a bit of 1×1 convolutions" * kNeedsKernels) {
  for (const auto& shape : kShapes) {
    const auto example = exampleOf(shape);
    const auto computedBy = [&](int threads) {
      const ComputeThreads guard(threads);
      return own(example, shape);
    };
    const auto expected = computedBy(1);
    for (const int threads : {2, 3}) {
      const auto result = computedBy(threads);
      for (size_t i = 0; i < expected.size(); ++i) CHECK(result[i].equal(expected[i]));
    }
  }
}

TEST_CASE("a number that is not finite spoils its picture, and no other, in 1×1 convolutions" *
          kNeedsKernels) {
  const auto& shape = kShapes.front();
  for (const float number : {NAN, INFINITY}) {
    const auto example = exampleOf(shape);
    example.x[1][5].fill_(number);
    example.dy[1][5].fill_(number);
    for (const auto& result : own(example, shape)) {
      CHECK(at::isfinite(result[0]).all().item<bool>());
      CHECK_FALSE(at::isfinite(result[1]).any().item<bool>());
      CHECK(at::isfinite(result[2]).all().item<bool>());
    }
  }
}

TEST_CASE("our own 1×1 convolutions are used where they are defined and faster" * kNeedsKernels) {
  const ConvolutionShape layer{64, 16, 16, 128, 64, 1, 1, 0};
  const auto with = [&](auto change) {
    auto shape = layer;
    change(shape);
    return usesPointwiseConvolution(shape);
  };
  CHECK(usesPointwiseConvolution(layer) != cpuHasAmx());
  CHECK(with([](auto& shape) { shape.kernel = 3; }) == false);
  CHECK(with([](auto& shape) { shape.padding = 1; }) == false);
  CHECK(with([](auto& shape) { shape.in = 64; }) == false);
  CHECK(with([](auto& shape) { shape.in = 160; }) == false);
  CHECK(with([](auto& shape) { shape.out = 32; }) == false);
  CHECK(with([](auto& shape) { shape.pictures = 0; }) == false);
  CHECK(with([](auto& shape) { shape.stride = 2; }) == usesPointwiseConvolution(layer));
  CHECK(usesPointwiseConvolutionInputGradient({64, 16, 16, 64, 128, 1, 1, 0}) != cpuHasAmx());
  CHECK(usesPointwiseConvolutionInputGradient(layer) == false);
}
