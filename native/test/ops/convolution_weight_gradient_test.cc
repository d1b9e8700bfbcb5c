#include "core/ops/convolution_weight_gradient.h"

#include <doctest/doctest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "core/device/device.h"
#include "core/device/profiler.h"
#include "core/ops/convolution.h"
#include "core/ops/convolution_weight_gradient_kernels.h"
#include "core/ops/pointwise_convolution.h"
#include "core/ops/winograd_convolution.h"
#include "support/compute_threads.h"
#include "support/fixtures.h"
#include "support/formula.h"

using namespace moco;

namespace {

const auto kNeedsTiles = doctest::skip(!kernels::tiles::kernels());

/// Shapes of ResNets, and odd ones: channels that do not fill a tile, a single row, one row more
/// than a block or a slice, strides that leave a rest.
const std::vector<ConvolutionShape> kShapes{
    {3, 16, 16, 64, 256, 1, 1, 0}, {3, 16, 16, 256, 64, 1, 2, 0}, {2, 16, 16, 64, 64, 3, 1, 1},
    {2, 16, 16, 128, 64, 3, 2, 1}, {1, 1, 1, 1, 1, 1, 1, 0},      {1, 1, 1, 65, 17, 1, 1, 0},
    {5, 9, 7, 33, 15, 1, 2, 0},    {1, 13, 11, 5, 31, 3, 2, 1},   {3, 5, 3, 100, 7, 3, 1, 1},
    {1, 27, 19, 7, 3, 1, 1, 0},    {9, 32, 32, 3, 20, 1, 1, 0},   {1, 9, 12, 70, 18, 5, 1, 2},
    {1, 4099, 2, 16, 16, 1, 1, 0}, {2, 6, 6, 12, 20, 3, 1, 0},    {1, 8, 2, 2, 130, 7, 2, 3},
    {2, 9, 7, 70, 90, 1, 2, 0},    {8, 16, 16, 64, 128, 3, 1, 1}, {3, 30, 27, 64, 64, 3, 1, 1},
    {2, 9, 7, 128, 192, 1, 2, 0}};

/// fp64 numbers that bf16 holds exactly.
at::Tensor numbers(const char* name, at::IntArrayRef shape) {
  return formula::uniform(name, shape, -1, 1)
      .to(at::kBFloat16)
      .contiguous(at::MemoryFormat::ChannelsLast)
      .to(at::kDouble);
}

at::Tensor inputOf(const ConvolutionShape& shape) {
  return numbers("x", {shape.pictures, shape.in, shape.height, shape.width});
}

at::Tensor outputGradientOf(const ConvolutionShape& shape) {
  return numbers("dy", {shape.pictures, shape.out, shape.outHeight(), shape.outWidth()});
}

at::Tensor weightOf(const ConvolutionShape& shape) {
  return numbers("weight", {shape.out, shape.in, shape.kernel, shape.kernel});
}

/// PyTorch's gradient by the weight.
at::Tensor plain(const at::Tensor& dy, const at::Tensor& x, const ConvolutionShape& shape) {
  const auto weight =
      at::zeros({shape.out, shape.in, shape.kernel, shape.kernel}, x.options()).requires_grad_();
  const auto y = at::conv2d(x, weight, /*bias=*/{}, shape.stride, shape.padding);
  return torch::autograd::grad({y}, {weight}, {dy}).front();
}

at::Tensor own(const ConvolutionShape& shape) {
  return weightGradient(outputGradientOf(shape).to(at::kBFloat16), inputOf(shape).to(at::kBFloat16),
                        shape);
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

TEST_CASE("the weight's gradient is PyTorch's in fp64, rounded to bf16, odd sizes included" *
          kNeedsTiles) {
  for (const auto& shape : kShapes) {
    INFO("kernel ", shape.kernel, ", stride ", shape.stride, ", ", shape.in, " to ", shape.out,
         " channels, ", shape.height, " × ", shape.width);
    const auto dy = outputGradientOf(shape), x = inputOf(shape);
    const auto exact = plain(dy, x, shape);
    // The error of adding n products in fp32 is at most n · 2⁻²⁴ of the sum of their magnitudes,
    // and that of rounding to bf16 is at most 2⁻⁸ of the result.
    const auto adding = plain(dy.abs(), x.abs(), shape) * (shape.rows() * std::ldexp(1, -24));
    const auto allowed = adding + (exact.abs() + adding) * std::ldexp(1, -8);
    const auto gradient = own(shape);
    CHECK((gradient.scalar_type() == at::kBFloat16));
    REQUIRE(gradient.sizes() == exact.sizes());
    CHECK(((gradient.to(at::kDouble) - exact).abs() <= allowed).all().item<bool>());
  }
}

TEST_CASE("in training, the weight's gradient is as exact as oneDNN's" * kNeedsTiles) {
  for (const auto& shape : kShapes) {
    INFO("kernel ", shape.kernel, ", ", shape.in, " to ", shape.out, " channels, ", shape.height,
         " × ", shape.width);
    if (shape.rows() == 1) continue;  // dy minus its mean would be zero
    // As in a network: x comes from a ReLU, so it is not negative. dy comes from a BatchNorm, so
    // its mean is zero. Large sums cancel then.
    const auto x = inputOf(shape).abs().to(at::kBFloat16);
    const auto raw = outputGradientOf(shape);
    const auto dy = (raw - raw.mean({0, 2, 3}, /*keepdim=*/true)).to(at::kBFloat16);
    const auto exact = plain(dy.to(at::kDouble), x.to(at::kDouble), shape);
    CHECK(relativeDistance(weightGradient(dy, x, shape), exact) <=
          1.1 * relativeDistance(plain(dy, x, shape), exact) + 1e-6);
  }
}

TEST_CASE("activations that are not channels last have the same gradient" * kNeedsTiles) {
  const auto& shape = kShapes.front();
  const auto x = inputOf(shape).to(at::kBFloat16), dy = outputGradientOf(shape).to(at::kBFloat16);
  CHECK(weightGradient(dy.contiguous(), x.contiguous(), shape).equal(own(shape)));
}

TEST_CASE("the number of threads does not change a bit of the gradient" * kNeedsTiles) {
  for (const auto& shape : kShapes) {
    const auto computedBy = [&](int threads) {
      const ComputeThreads guard(threads);
      return own(shape);
    };
    const auto gradient = computedBy(1);
    for (const int threads : {2, 3}) CHECK(computedBy(threads).equal(gradient));
  }
}

TEST_CASE("a number that is not finite is not lost in the weight's gradient" * kNeedsTiles) {
  for (const auto& shape : kShapes) {
    auto dy = outputGradientOf(shape).to(at::kBFloat16);
    dy.select(1, shape.out - 1).fill_(INFINITY);
    const auto gradient = weightGradient(dy, inputOf(shape).to(at::kBFloat16), shape);
    CHECK_FALSE(at::isfinite(gradient[shape.out - 1]).any().item<bool>());
    CHECK(at::isfinite(gradient.slice(0, 0, shape.out - 1)).all().item<bool>());
  }
}

TEST_CASE("our own kernel computes the weight's gradient where it is faster" * kNeedsTiles) {
  for (const ConvolutionShape& shape :
       {ConvolutionShape{64, 16, 16, 64, 256, 1, 1, 0}, {64, 4, 4, 512, 512, 3, 1, 1}}) {
    CHECK(usesOwnWeightGradient(shape) != cpuHasAmx());
  }
  for (const ConvolutionShape& shape : {ConvolutionShape{64, 16, 16, 32, 256, 1, 1, 0},
                                        {64, 8, 8, 256, 256, 3, 1, 1},
                                        {0, 16, 16, 64, 256, 1, 1, 0}}) {
    CHECK(usesOwnWeightGradient(shape) == false);
  }
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
        // Sums are in fp32; results in bf16 are rounded to 8 significant bits.
        CHECK(off <= (type == at::kBFloat16 ? 4e-3 : 1e-5) * expected[i].norm().item<double>());
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
      const bool ownByInput = usesWinograd(shape) || usesPointwiseInputGradient(shape);
      const bool ownByWeight = usesWinograd(shape) || usesOwnWeightGradient(shape);
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
        CHECK(off <= 4e-3 * expected[i].norm().item<double>());
      }
    }
  }
}

TEST_CASE("a convolution refuses an input with another number of channels than its weight") {
  const auto x = at::zeros({8, 32, 16, 16}, at::kBFloat16);
  const auto weight = at::zeros({64, 64, 3, 3}, at::kBFloat16);
  CHECK_THROWS_AS(convolution(x, weight, 1, 1), c10::Error);
}
