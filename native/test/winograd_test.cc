#include "core/winograd.h"

#include <ATen/Parallel.h>
#include <doctest/doctest.h>
#include <torch/csrc/autograd/autograd.h>

#include <array>
#include <cmath>
#include <vector>

#include "core/winograd_kernels.h"
#include "formula.h"

using namespace moco;

namespace {

/// Those of ResNets, and odd ones: sides that tiles do not divide, one pixel, more tiles than are
/// kept at a time.
const std::vector<ConvolutionShape> kShapes{
    {3, 16, 16, 64, 128, 3, 1, 1}, {1, 1, 1, 64, 64, 3, 1, 1},  {2, 5, 7, 128, 64, 3, 1, 1},
    {1, 33, 6, 64, 64, 3, 1, 1},   {7, 8, 8, 64, 192, 3, 1, 1}, {8, 32, 32, 64, 64, 3, 1, 1},
    {13, 4, 4, 128, 128, 3, 1, 1}};

struct Example {
  at::Tensor x, weight, dy;  // fp64 numbers that bf16 holds exactly
};

/// @param least  of x, whose most is 1: above zero after a ReLU
Example exampleOf(const ConvolutionShape& shape, double least) {
  const auto numbers = [](const char* name, at::IntArrayRef sizes, double from) {
    return formula::uniform(name, sizes, from, 1)
        .to(at::kBFloat16)
        .contiguous(at::MemoryFormat::ChannelsLast)
        .to(at::kDouble);
  };
  return {numbers("x", {shape.pictures, shape.in, shape.height, shape.width}, least),
          numbers("weight", {shape.out, shape.in, 3, 3}, -1),
          numbers("dy", {shape.pictures, shape.out, shape.height, shape.width}, -1)};
}

/// Output, gradient by the input, gradient by the weight.
using Results = std::array<at::Tensor, 3>;

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
  return {winogradConvolution(x, weight), winogradInputGradient(dy, weight),
          winogradWeightGradient(dy, x)};
}

bool processorLacksKernels() {
  if (kernels::winograd::kernels()) return false;
  MESSAGE("not tested: this processor has no AVX512-BF16");
  return true;
}

}  // namespace

TEST_CASE("Winograd's convolutions and gradients are those in fp64, rounded to bf16") {
  if (processorLacksKernels()) return;
  for (const auto& shape : kShapes) {
    for (const double least : {-1., 0.}) {
      const auto example = exampleOf(shape, least);
      const auto exact = plain(example);
      const auto magnitude = plain({example.x.abs(), example.weight.abs(), example.dy.abs()});
      const auto result = own(example);
      for (size_t i = 0; i < exact.size(); ++i) {
        INFO("result ", i, ", ", shape.in, " to ", shape.out, " channels, ", shape.height, " × ",
             shape.width);
        CHECK((result[i].scalar_type() == at::kBFloat16));
        CHECK(result[i].is_contiguous(at::MemoryFormat::ChannelsLast));
        REQUIRE(result[i].sizes() == exact[i].sizes());
        const auto off = (result[i].to(at::kDouble) - exact[i]).abs();
        const auto rounding = (exact[i].to(at::kBFloat16).to(at::kDouble) - exact[i]).abs();
        // Nothing is added to the error of rounding that a norm would show …
        CHECK(off.norm().item<double>() <= 1.01 * rounding.norm().item<double>());
        // … and numbers that cancel out are off by fp32's 2⁻²⁴, which transforming makes 64 times
        // as large at most.
        CHECK((off <= exact[i].abs() * std::ldexp(1, -8) + magnitude[i] * std::ldexp(1, -18))
                  .all()
                  .item<bool>());
      }
    }
  }
}

TEST_CASE("Winograd's convolutions do not mind how activations and weights lie in memory") {
  if (processorLacksKernels()) return;
  auto example = exampleOf(kShapes.front(), -1);
  const auto expected = own(example);
  for (auto* const tensor : {&example.x, &example.weight, &example.dy}) {
    *tensor = tensor->contiguous();
  }
  const auto result = own(example);
  for (size_t i = 0; i < expected.size(); ++i) CHECK(result[i].equal(expected[i]));
}

TEST_CASE("the number of threads does not change a bit of Winograd's convolutions") {
  if (processorLacksKernels()) return;
  const int before = at::get_num_threads();
  for (const auto& shape : kShapes) {
    const auto example = exampleOf(shape, -1);
    at::set_num_threads(1);
    const auto expected = own(example);
    for (const int threads : {2, 3}) {
      at::set_num_threads(threads);
      const auto result = own(example);
      for (size_t i = 0; i < expected.size(); ++i) CHECK(result[i].equal(expected[i]));
    }
  }
  at::set_num_threads(before);
}

TEST_CASE("a number that is not finite is not lost in Winograd's convolutions") {
  if (processorLacksKernels()) return;
  auto example = exampleOf(kShapes.front(), -1);
  const int64_t channel = example.dy.size(1) - 1;
  example.dy.select(1, channel).fill_(INFINITY);
  const auto byWeight = own(example)[2];
  CHECK_FALSE(at::isfinite(byWeight[channel]).any().item<bool>());
  CHECK(at::isfinite(byWeight.slice(0, 0, channel)).all().item<bool>());
  example.x.fill_(NAN);
  CHECK_FALSE(at::isfinite(own(example)[0]).any().item<bool>());
}

TEST_CASE("Winograd's convolutions are used where they are defined and pay") {
  if (processorLacksKernels()) return;
  const ConvolutionShape layer{64, 16, 16, 128, 128, 3, 1, 1};
  const auto with = [&](auto change) {
    auto shape = layer;
    change(shape);
    return usesWinograd(shape);
  };
  const bool used = with([](auto&) {});
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
