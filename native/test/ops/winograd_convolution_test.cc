#include "core/ops/winograd_convolution.h"

#include <doctest/doctest.h>
#include <torch/csrc/autograd/autograd.h>

#include <array>
#include <cmath>
#include <vector>

#include "core/device/device.h"
#include "core/ops/winograd_convolution_kernels.h"
#include "core/ops/winograd_convolution_weight_gradient.h"
#include "support/compute_threads.h"
#include "support/convolution_examples.h"
#include "support/fixtures.h"

using namespace moco;
using convolution_examples::inputOf;
using convolution_examples::outputGradientOf;
using convolution_examples::weightOf;

namespace {

const auto kNeedsKernels = doctest::skip(!kernels::winograd_convolution::kernels());

/// Shapes of ResNets, and odd ones: sides that tiles do not divide, one pixel, numbers of tiles
/// that make slices of unequal length.
const std::vector<ConvolutionShape> kShapes{
    {3, 16, 16, 64, 128, 3, 1, 1}, {1, 1, 1, 64, 64, 3, 1, 1},   {2, 5, 7, 128, 64, 3, 1, 1},
    {1, 33, 6, 64, 64, 3, 1, 1},   {7, 8, 8, 64, 192, 3, 1, 1},  {8, 32, 32, 64, 64, 3, 1, 1},
    {13, 4, 4, 128, 128, 3, 1, 1}, {9, 22, 22, 64, 64, 3, 1, 1}, {5, 20, 28, 192, 64, 3, 1, 1}};

struct Example {
  at::Tensor x, weight, dy;  // fp64 numbers that bf16 holds exactly
};

/// @param least  the smallest number in x, whose largest is 1; 0 makes x like the output of a ReLU
Example exampleOf(const ConvolutionShape& shape, double least = -1) {
  return {inputOf(shape, least), weightOf(shape), outputGradientOf(shape)};
}

/// The output, the gradient by the input, and the gradient by the weight.
using Results = std::array<at::Tensor, 3>;

/// PyTorch's results, in the type of the example.
Results plain(const Example& example) {
  const auto x = example.x.detach().requires_grad_();
  const auto weight = example.weight.detach().requires_grad_();
  const auto y = at::conv2d(x, weight, /*bias=*/{}, /*stride=*/1, /*padding=*/1);
  const auto gradients = torch::autograd::grad({y}, {x, weight}, {example.dy});
  return {y.detach(), gradients[0], gradients[1]};
}

Results own(const Example& example) {
  const auto x = example.x.to(at::kBFloat16), weight = example.weight.to(at::kBFloat16);
  const auto dy = example.dy.to(at::kBFloat16);
  return {winogradConvolution(x, weight), winogradConvolutionInputGradient(dy, weight),
          winogradConvolutionWeightGradient(dy, x)};
}

}  // namespace

TEST_CASE("Winograd's convolutions and gradients are fp64's, rounded to bf16" * kNeedsKernels) {
  for (const auto& shape : kShapes) {
    for (const double least : {-1., 0.}) {
      const auto example = exampleOf(shape, least);
      const auto exact = plain(example);
      const auto result = own(example);
      for (size_t i = 0; i < exact.size(); ++i) {
        INFO("result ", i, ", ", shape.in, " to ", shape.out, " channels, ", shape.height, " × ",
             shape.width);
        CHECK((result[i].scalar_type() == at::kBFloat16));
        CHECK(result[i].is_contiguous(at::MemoryFormat::ChannelsLast));
        REQUIRE(result[i].sizes() == exact[i].sizes());
        const auto norm = [&](const at::Tensor& tensor) {
          return (tensor.to(at::kDouble) - exact[i]).norm().item<double>();
        };
        // The norm of the error is at most 1 % larger than that of rounding the exact result.
        CHECK(norm(result[i]) <= 1.01 * norm(exact[i].to(at::kBFloat16)));
      }
    }
  }
}

TEST_CASE("each of Winograd's results is as exact as its tile's largest sum of magnitudes allows" *
          kNeedsKernels) {
  for (const auto& shape : kShapes) {
    auto example = exampleOf(shape);
    // Numbers whose magnitude changes from pixel to pixel by powers of two up to 2¹², and zeros.
    for (auto* const tensor : {&example.x, &example.dy}) {
      const auto pixels = tensor->select(1, 0).unsqueeze(1).clone();
      tensor->mul_(at::exp2((pixels * 12).round()) * (pixels > -0.5));
    }
    const auto exact = plain(example);
    // The tile of an output reaches at most three pixels away from it; pixels of a tile are at most
    // five apart. These are the radii of the windows of which the largest number is taken.
    const auto farX = at::max_pool2d(example.x.abs(), 11, /*stride=*/1, /*padding=*/5);
    const Results magnitude = plain({example.x.abs(), example.weight.abs(), example.dy.abs()});
    const Results largest{at::max_pool2d(magnitude[0], 7, /*stride=*/1, /*padding=*/3),
                          at::max_pool2d(magnitude[1], 7, /*stride=*/1, /*padding=*/3),
                          plain({farX, example.weight.abs(), example.dy.abs()})[2]};
    const auto result = own(example);
    for (size_t i = 0; i < exact.size(); ++i) {
      INFO("result ", i, ", ", shape.in, " to ", shape.out, " channels, ", shape.height, " × ",
           shape.width);
      // Rounding to bf16 errs by at most 2⁻⁸ of the result. Winograd's transforms make fp32's error
      // of 2⁻²⁴ at most 64 times as large.
      const auto allowed = exact[i].abs() * std::ldexp(1, -8) + largest[i] * std::ldexp(1, -18);
      CHECK(((result[i].to(at::kDouble) - exact[i]).abs() <= allowed).all().item<bool>());
    }
  }
}

TEST_CASE("in training, Winograd's gradient by the weight is as exact as oneDNN's" *
          kNeedsKernels) {
  for (const auto& shape : kShapes) {
    INFO(shape.in, " to ", shape.out, " channels, ", shape.height, " × ", shape.width);
    if (shape.rows() == 1) continue;  // dy minus its mean would be zero
    // As in a network: x comes from a ReLU, so it is not negative. dy comes from a BatchNorm, so
    // its mean is zero. Large sums cancel then.
    auto example = exampleOf(shape, /*least=*/0);
    example.dy = (example.dy - example.dy.mean({0, 2, 3}, /*keepdim=*/true))
                     .to(at::kBFloat16)
                     .to(at::kDouble);
    const auto exact = plain(example)[2];
    const auto oneDnn = plain({example.x.to(at::kBFloat16), example.weight.to(at::kBFloat16),
                               example.dy.to(at::kBFloat16)})[2];
    CHECK(relativeDistance(own(example)[2], exact) <= 1.1 * relativeDistance(oneDnn, exact) + 1e-6);
  }
}

TEST_CASE("Winograd's convolutions take activations and weights that are not channels last" *
          kNeedsKernels) {
  auto example = exampleOf(kShapes.front());
  const auto expected = own(example);
  for (auto* const tensor : {&example.x, &example.weight, &example.dy}) {
    *tensor = tensor->contiguous();
  }
  const auto result = own(example);
  for (size_t i = 0; i < expected.size(); ++i) CHECK(result[i].equal(expected[i]));
}

TEST_CASE("the number of threads does not change a bit of Winograd's convolutions" *
          kNeedsKernels) {
  for (const auto& shape : kShapes) {
    const auto example = exampleOf(shape);
    const auto computedBy = [&](int threads) {
      const ComputeThreads guard(threads);
      return own(example);
    };
    const auto expected = computedBy(1);
    for (const int threads : {2, 3}) {
      const auto result = computedBy(threads);
      for (size_t i = 0; i < expected.size(); ++i) CHECK(result[i].equal(expected[i]));
    }
  }
}

TEST_CASE("a number that is not finite is not lost in Winograd's convolutions" * kNeedsKernels) {
  auto example = exampleOf(kShapes.front());
  const int64_t channel = example.dy.size(1) - 1;
  example.dy.select(1, channel).fill_(INFINITY);
  const auto byWeight = own(example)[2];
  CHECK_FALSE(at::isfinite(byWeight[channel]).any().item<bool>());
  CHECK(at::isfinite(byWeight.slice(0, 0, channel)).all().item<bool>());
  example.x.fill_(NAN);
  CHECK_FALSE(at::isfinite(own(example)[0]).any().item<bool>());
}

TEST_CASE("Winograd's convolutions are used where they are defined and faster" * kNeedsKernels) {
  const ConvolutionShape layer{64, 16, 16, 128, 128, 3, 1, 1};
  const auto with = [&](auto change) {
    auto shape = layer;
    change(shape);
    return usesWinogradConvolution(shape);
  };
  const bool used = with([](auto&) {});
  CHECK(used != cpuHasAmx());
  CHECK(with([](auto& shape) { shape.kernel = 1; }) == false);
  CHECK(with([](auto& shape) { shape.stride = 2; }) == false);
  CHECK(with([](auto& shape) { shape.padding = 0; }) == false);
  CHECK(with([](auto& shape) { shape.in = 96; }) == false);
  CHECK(with([](auto& shape) { shape.out = 32; }) == false);
  CHECK(with([](auto& shape) { shape.in = shape.out = 512; }) == false);
  CHECK(with([](auto& shape) { shape.pictures = 7; }) == false);
  CHECK(with([](auto& shape) { shape.height = shape.width = 5; }) == false);
  CHECK(with([](auto& shape) { shape.height = shape.width = 14; }) == used);
}
