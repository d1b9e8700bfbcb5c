#include "core/ops/tile_convolution.h"

#include <doctest/doctest.h>
#include <torch/csrc/autograd/autograd.h>

#include <array>
#include <cmath>
#include <vector>

#include "core/ops/fused_tiles_kernels.h"
#include "support/compute_threads.h"
#include "support/convolution_examples.h"

using namespace moco;
using convolution_examples::inputOf;
using convolution_examples::outputGradientOf;
using convolution_examples::weightOf;

namespace {

const auto kNeedsTiles = doctest::skip(!kernels::fused_tiles::kernels());

/// Shapes of ResNets, and odd ones: wide and small pictures, numbers of them that fill no tile,
/// strides that leave a rest, no padding, a kernel that is larger than the picture.
const std::vector<ConvolutionShape> kShapes{
    {33, 8, 8, 64, 96, 3, 1, 1},  {24, 32, 32, 32, 64, 3, 1, 1}, {40, 16, 16, 64, 32, 3, 2, 1},
    {65, 4, 4, 128, 64, 3, 1, 1}, {25, 9, 7, 32, 64, 3, 2, 1},   {32, 17, 20, 32, 32, 3, 1, 0},
    {70, 1, 1, 64, 64, 3, 1, 1},  {24, 2, 3, 32, 32, 5, 1, 2},   {31, 16, 16, 96, 64, 1, 1, 0},
    {26, 9, 7, 64, 128, 1, 2, 0}, {24, 14, 14, 32, 32, 3, 1, 1}, {3, 8, 8, 64, 64, 3, 1, 1},
    {1, 5, 3, 32, 64, 3, 1, 1}};

struct Example {
  at::Tensor x, weight, dy;  // bf16
};

Example exampleOf(const ConvolutionShape& shape) {
  return {inputOf(shape).to(at::kBFloat16), weightOf(shape).to(at::kBFloat16),
          outputGradientOf(shape).to(at::kBFloat16)};
}

/// The output, and the gradients by input and weight; undefined where tiles do not compute them.
using Results = std::array<at::Tensor, 3>;

Results own(const Example& example, const ConvolutionShape& shape) {
  Results results;
  if (usesTileConvolution(shape)) {
    results[0] = tileConvolution(example.x, example.weight, shape);
  }
  if (usesTileConvolutionInputGradient(shape)) {
    results[1] = tileConvolutionInputGradient(example.dy, example.weight, shape);
  }
  if (usesTileConvolutionWeightGradient(shape)) {
    results[2] = tileConvolutionWeightGradient(example.dy, example.x, shape);
  }
  return results;
}

/// PyTorch's results in fp64.
/// @param magnitudes  true takes the absolute values of all numbers, to bound rounding errors
Results exact(const Example& example, const ConvolutionShape& shape, bool magnitudes) {
  const auto number = [&](const at::Tensor& tensor) {
    return magnitudes ? tensor.to(at::kDouble).abs() : tensor.to(at::kDouble);
  };
  const auto x = number(example.x).requires_grad_();
  const auto weight = number(example.weight).requires_grad_();
  const auto y = at::conv2d(x, weight, /*bias=*/{}, shape.stride, shape.padding);
  const auto gradients = torch::autograd::grad({y}, {x, weight}, {number(example.dy)});
  return {y.detach(), gradients[0], gradients[1]};
}

/// How many products a number of each result adds up, at most.
std::array<int64_t, 3> termsOf(const ConvolutionShape& shape) {
  const int64_t taps = shape.kernel * shape.kernel;
  return {taps * shape.in, taps * shape.out, shape.rows()};
}

void checkEqual(const Results& results, const Results& expected) {
  for (size_t i = 0; i < expected.size(); ++i) {
    if (expected[i].defined()) CHECK(results[i].equal(expected[i]));
  }
}

}  // namespace

TEST_CASE("convolutions and gradients of tiles are fp64's, rounded to bf16" * kNeedsTiles) {
  for (const auto& shape : kShapes) {
    INFO(shape.pictures, " of ", shape.height, " × ", shape.width, ", ", shape.in, " to ",
         shape.out, " channels, kernel ", shape.kernel, ", stride ", shape.stride);
    const auto example = exampleOf(shape);
    const auto expected = exact(example, shape, /*magnitudes=*/false);
    const auto magnitude = exact(example, shape, /*magnitudes=*/true);
    const auto results = own(example, shape);
    const auto terms = termsOf(shape);
    CHECK(results[0].defined());
    for (size_t i = 0; i < expected.size(); ++i) {
      if (!results[i].defined()) continue;
      INFO("result ", i);
      CHECK((results[i].scalar_type() == at::kBFloat16));
      CHECK(results[i].is_contiguous(at::MemoryFormat::ChannelsLast));
      REQUIRE(results[i].sizes() == expected[i].sizes());
      // The error of adding n products in fp32 is at most n · 2⁻²⁴ of the sum of their magnitudes,
      // and that of rounding to bf16 is at most 2⁻⁸ of the result.
      const auto adding = magnitude[i] * (static_cast<double>(terms[i]) * std::ldexp(1, -24));
      const auto allowed = adding + (expected[i].abs() + adding) * std::ldexp(1, -8);
      CHECK(((results[i].to(at::kDouble) - expected[i]).abs() <= allowed).all().item<bool>());
    }
  }
}

TEST_CASE("convolutions of tiles take activations and weights of any memory layout" * kNeedsTiles) {
  for (const auto& shape : kShapes) {
    auto example = exampleOf(shape);
    const auto expected = own(example, shape);
    for (auto* const tensor : {&example.x, &example.weight, &example.dy}) {
      // The same numbers in memory with gaps: every second one of a tensor twice as large.
      *tensor = at::stack({*tensor, *tensor}, -1).select(-1, 0);
    }
    checkEqual(own(example, shape), expected);
  }
}

TEST_CASE("the number of threads does not change a bit of convolutions of tiles" * kNeedsTiles) {
  for (const auto& shape : kShapes) {
    const auto example = exampleOf(shape);
    const auto computedBy = [&](int threads) {
      const ComputeThreads guard(threads);
      return own(example, shape);
    };
    const auto expected = computedBy(1);
    for (const int threads : {2, 3}) checkEqual(computedBy(threads), expected);
  }
}

TEST_CASE("a picture's convolution of tiles does not depend on its companions" * kNeedsTiles) {
  for (const auto& shape : kShapes) {
    if (shape.pictures < 4) continue;
    const auto example = exampleOf(shape);
    const auto all = tileConvolution(example.x, example.weight, shape);
    auto few = shape;
    few.pictures = 3;
    CHECK(tileConvolution(example.x.slice(0, 1, 4), example.weight, few).equal(all.slice(0, 1, 4)));
  }
}

TEST_CASE("a number that is not finite spoils its picture, and no other, in convolutions of tiles" *
          kNeedsTiles) {
  const auto& shape = kShapes.front();
  for (const float number : {NAN, INFINITY}) {
    const auto example = exampleOf(shape);
    example.x[1][5].fill_(number);
    example.dy[1][5].fill_(number);
    const auto results = own(example, shape);
    for (size_t i = 0; i < 2; ++i) {
      CHECK(at::isfinite(results[i][0]).all().item<bool>());
      CHECK_FALSE(at::isfinite(results[i][1]).any().item<bool>());
      CHECK(at::isfinite(results[i][2]).all().item<bool>());
    }
    CHECK_FALSE(at::isfinite(results[2]).all().item<bool>());
  }
}

TEST_CASE("convolutions of tiles are used where they are defined" * kNeedsTiles) {
  const ConvolutionShape layer{64, 16, 16, 128, 64, 3, 1, 1};
  const auto with = [&](auto change) {
    auto shape = layer;
    change(shape);
    return std::array{usesTileConvolution(shape), usesTileConvolutionInputGradient(shape),
                      usesTileConvolutionWeightGradient(shape)};
  };
  using Uses = std::array<bool, 3>;
  CHECK(with([](auto&) {}) == Uses{true, true, true});
  CHECK(with([](auto& shape) { shape.in = 3; }) == Uses{false, false, false});
  CHECK(with([](auto& shape) { shape.out = 48; }) == Uses{false, false, false});
  CHECK(with([](auto& shape) { shape.pictures = 0; }) == Uses{false, false, false});
  CHECK(with([](auto& shape) { shape.stride = 2; }) == Uses{true, true, true});
  CHECK(with([](auto& shape) { shape.stride = 3; }) == Uses{true, false, true});
  CHECK(with([](auto& shape) { shape.padding = 3; }) == Uses{true, false, true});
  CHECK(with([](auto& shape) { shape.pictures = 8; }) == Uses{true, true, false});
}
