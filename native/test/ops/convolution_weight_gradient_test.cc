#include "core/ops/convolution_weight_gradient.h"

#include <doctest/doctest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "core/device/device.h"
#include "core/ops/convolution_weight_gradient_kernels.h"
#include "support/compute_threads.h"
#include "support/convolution_examples.h"
#include "support/fixtures.h"

using namespace moco;
using convolution_examples::inputOf;
using convolution_examples::kShapes;
using convolution_examples::outputGradientOf;

namespace {

const auto kNeedsKernels = doctest::skip(!kernels::convolution_weight_gradient::kernels());

/// PyTorch's gradient by the weight.
at::Tensor plain(const at::Tensor& dy, const at::Tensor& x, const ConvolutionShape& shape) {
  const auto weight =
      at::zeros({shape.out, shape.in, shape.kernel, shape.kernel}, x.options()).requires_grad_();
  const auto y = at::conv2d(x, weight, /*bias=*/{}, shape.stride, shape.padding);
  return torch::autograd::grad({y}, {weight}, {dy}).front();
}

at::Tensor own(const ConvolutionShape& shape) {
  return convolutionWeightGradient(outputGradientOf(shape).to(at::kBFloat16),
                                   inputOf(shape).to(at::kBFloat16), shape);
}

}  // namespace

TEST_CASE("the weight's gradient is PyTorch's in fp64, rounded to bf16, odd sizes included" *
          kNeedsKernels) {
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

TEST_CASE("in training, the weight's gradient is as exact as oneDNN's" * kNeedsKernels) {
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
    CHECK(relativeDistance(convolutionWeightGradient(dy, x, shape), exact) <=
          1.1 * relativeDistance(plain(dy, x, shape), exact) + 1e-6);
  }
}

TEST_CASE("activations that are not channels last have the same gradient" * kNeedsKernels) {
  const auto& shape = kShapes.front();
  const auto x = inputOf(shape).to(at::kBFloat16), dy = outputGradientOf(shape).to(at::kBFloat16);
  CHECK(convolutionWeightGradient(dy.contiguous(), x.contiguous(), shape).equal(own(shape)));
}

TEST_CASE("the number of threads does not change a bit of the gradient" * kNeedsKernels) {
  for (const auto& shape : kShapes) {
    const auto computedBy = [&](int threads) {
      const ComputeThreads guard(threads);
      return own(shape);
    };
    const auto gradient = computedBy(1);
    for (const int threads : {2, 3}) CHECK(computedBy(threads).equal(gradient));
  }
}

TEST_CASE("a number that is not finite is not lost in the weight's gradient" * kNeedsKernels) {
  for (const auto& shape : kShapes) {
    auto dy = outputGradientOf(shape).to(at::kBFloat16);
    dy.select(1, shape.out - 1).fill_(INFINITY);
    const auto gradient = convolutionWeightGradient(dy, inputOf(shape).to(at::kBFloat16), shape);
    CHECK_FALSE(at::isfinite(gradient[shape.out - 1]).any().item<bool>());
    CHECK(at::isfinite(gradient.slice(0, 0, shape.out - 1)).all().item<bool>());
  }
}

TEST_CASE("our own kernel computes the weight's gradient where it is faster" * kNeedsKernels) {
  for (const ConvolutionShape& shape :
       {ConvolutionShape{64, 16, 16, 64, 256, 1, 1, 0}, {64, 4, 4, 512, 512, 3, 1, 1}}) {
    CHECK(usesConvolutionWeightGradient(shape) != cpuHasAmx());
  }
  for (const ConvolutionShape& shape : {ConvolutionShape{64, 16, 16, 32, 256, 1, 1, 0},
                                        {64, 8, 8, 256, 256, 3, 1, 1},
                                        {0, 16, 16, 64, 256, 1, 1, 0}}) {
    CHECK(usesConvolutionWeightGradient(shape) == false);
  }
}
