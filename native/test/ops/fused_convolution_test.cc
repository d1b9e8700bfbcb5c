#include "core/ops/fused_convolution.h"

#include <ATen/core/grad_mode.h>
#include <doctest/doctest.h>

#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "core/ops/fused_convolution_kernels.h"
#include "support/compute_threads.h"
#include "support/convolution_examples.h"
#include "support/formula.h"
#include "support/within.h"

using namespace moco;
using convolution_examples::inputOf;
using convolution_examples::weightOf;

namespace {

const auto kNeedsKernels = doctest::skip(!kernels::fused_convolution::kernels<float>());

/// Shapes of ResNets, and odd ones: pictures of one pixel, sides that tiles and blocks of rows do
/// not divide, few channels, strides that leave pixels out.
const std::vector<ConvolutionShape> kShapes{
    {2, 32, 32, 3, 64, 3, 1, 1},  {2, 33, 31, 3, 64, 7, 2, 3},   {3, 16, 16, 64, 256, 1, 1, 0},
    {5, 9, 7, 64, 128, 1, 2, 0},  {3, 16, 16, 64, 128, 3, 1, 1}, {1, 1, 1, 64, 64, 3, 1, 1},
    {2, 5, 7, 128, 64, 3, 1, 1},  {3, 13, 11, 128, 64, 3, 2, 1}, {13, 4, 4, 256, 192, 3, 1, 1},
    {3, 1, 1, 512, 64, 1, 1, 0},  {1, 3, 2, 5, 64, 3, 1, 1},     {2, 8, 8, 64, 64, 3, 2, 1},
    {1, 7, 7, 2048, 64, 1, 1, 0}, {2, 6, 5, 17, 64, 1, 2, 0},    {9, 16, 16, 128, 128, 3, 2, 1},
    {1, 1, 1, 64, 64, 3, 2, 1},   {3, 2, 3, 256, 64, 3, 2, 1},   {2, 3, 2, 5, 64, 3, 2, 1}};

std::string describe(const ConvolutionShape& shape) {
  std::ostringstream text;
  text << shape.pictures << " of " << shape.height << " × " << shape.width << ", " << shape.in
       << " to " << shape.out << " channels, kernel " << shape.kernel << ", stride "
       << shape.stride;
  return text.str();
}

/// Numbers that bf16 holds exactly, in fp64.
struct Example {
  explicit Example(const ConvolutionShape& shape)
      : shape(shape),
        x(inputOf(shape, /*least=*/-1)),
        weight(weightOf(shape)),
        bias(formula::uniform("bias", {shape.out}, -1, 1).to(at::kBFloat16).to(at::kDouble)),
        addend(formula::uniform("addend",
                                {shape.pictures, shape.out, shape.outHeight(), shape.outWidth()},
                                -1, 1)
                   .to(at::kBFloat16)
                   .to(at::kDouble)) {}

  at::Tensor exact(bool adds, bool relu) const {
    auto y = at::conv2d(x, weight, bias, shape.stride, shape.padding);
    if (adds) y = y + addend;
    return relu ? y.relu() : y;
  }

  at::Tensor fused(at::ScalarType type, bool adds, bool relu) const {
    const auto in = [&](const at::Tensor& tensor) {
      return tensor.to(type).contiguous(at::MemoryFormat::ChannelsLast);
    };
    const FusedConvolution convolution(weight.to(at::kFloat), bias.to(at::kFloat), type,
                                       shape.stride, shape.padding);
    const auto y = at::full_like(in(addend), std::numeric_limits<double>::quiet_NaN());
    convolution(in(x), adds ? in(addend) : at::Tensor(), relu, y);
    return y;
  }

  ConvolutionShape shape;
  at::Tensor x, weight, bias, addend;
};

double distance(const at::Tensor& y, const at::Tensor& exact) {
  return (y.to(at::kDouble) - exact).norm().item<double>();
}

}  // namespace

TEST_CASE("a fused convolution is fp64's in fp32, with bias, addend and ReLU" * kNeedsKernels) {
  const at::NoGradGuard noGrad;
  for (const auto& shape : kShapes) {
    const Example example(shape);
    for (const auto& [adds, relu] : {std::pair{false, false}, {false, true}, {true, true}}) {
      INFO(describe(shape), adds ? ", addend" : "", relu ? ", ReLU" : "");
      const auto exact = example.exact(adds, relu);
      const auto y = example.fused(at::kFloat, adds, relu);
      // Winograd's filtering rounds more often than a plain sum does.
      const bool isWinograd = shape.kernel == 3 && shape.in % 64 == 0;
      checkWithin(describe(shape) + (isWinograd ? ", Winograd" : ""),
                  distance(y, exact) / exact.norm().item<double>(), isWinograd ? 2e-6 : 6e-7);
    }
  }
}

TEST_CASE("a fused convolution in bf16 is fp64's, rounded" * kNeedsKernels) {
  const at::NoGradGuard noGrad;
  for (const auto& shape : kShapes) {
    const Example example(shape);
    for (const auto& [adds, relu] : {std::pair{false, false}, {false, true}, {true, true}}) {
      INFO(describe(shape), adds ? ", addend" : "", relu ? ", ReLU" : "");
      const auto exact = example.exact(adds, relu);
      const auto y = example.fused(at::kBFloat16, adds, relu);
      // As a share of the error of rounding the exact result.
      checkWithin(describe(shape), distance(y, exact) / distance(exact.to(at::kBFloat16), exact),
                  1.06);
    }
  }
}

TEST_CASE("a fused convolution computes a picture alone as among others, on any number of threads" *
          kNeedsKernels) {
  const at::NoGradGuard noGrad;
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    for (const auto& shape : kShapes) {
      INFO(describe(shape), ", ", type);
      const Example all(shape);
      const auto y = all.fused(type, /*adds=*/true, /*relu=*/true);
      Example last(all);
      last.x = all.x.slice(0, shape.pictures - 1);
      last.addend = all.addend.slice(0, shape.pictures - 1);
      const ComputeThreads threads(1);
      CHECK(last.fused(type, true, true).equal(y.slice(0, shape.pictures - 1)));
      CHECK(all.fused(type, true, true).equal(y));
    }
  }
}

TEST_CASE("a fused convolution can write over its addend, and take other weights" * kNeedsKernels) {
  const at::NoGradGuard noGrad;
  for (const ConvolutionShape& shape :
       {ConvolutionShape{2, 9, 6, 64, 128, 3, 1, 1}, ConvolutionShape{2, 9, 6, 64, 128, 1, 1, 0}}) {
    const Example example(shape);
    const auto weight = example.weight.to(at::kFloat), bias = example.bias.to(at::kFloat);
    FusedConvolution convolution(at::ones_like(weight), at::zeros_like(bias), at::kFloat,
                                 shape.stride, shape.padding);
    convolution.repack(weight, bias);
    const auto y = example.addend.to(at::kFloat).contiguous(at::MemoryFormat::ChannelsLast);
    convolution(example.x.to(at::kFloat).contiguous(at::MemoryFormat::ChannelsLast), y, true, y);
    CHECK(y.equal(example.fused(at::kFloat, true, true)));
  }
}

TEST_CASE("NaN and what is not finite show behind a fused convolution's ReLU" * kNeedsKernels) {
  const at::NoGradGuard noGrad;
  for (const double fault :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    for (const auto type : {at::kFloat, at::kBFloat16}) {
      Example example({1, 5, 4, 64, 64, 1, 1, 0});
      example.x[0][3][2][1] = fault;
      example.weight.abs_();
      const auto y = example.fused(type, /*adds=*/false, /*relu=*/true);
      CHECK(y.isfinite().logical_not().sum().item<int64_t>() == 64);
      CHECK_FALSE(y.select(2, 2).select(2, 1).isfinite().any().item<bool>());
    }
  }
}

TEST_CASE("pixels of any magnitude keep their precision in bf16" * kNeedsKernels) {
  const at::NoGradGuard noGrad;
  for (const double magnitude : {0., 1e-30, 1e-15, 1e15}) {
    Example example({2, 3, 3, 64, 64, 1, 1, 0});
    example.x = (example.x * magnitude).to(at::kBFloat16).to(at::kDouble);
    example.bias.zero_();
    const auto exact = example.exact(/*adds=*/false, /*relu=*/false);
    const double off = distance(example.fused(at::kBFloat16, false, false), exact);
    CHECK(off <= 0.004 * exact.norm().item<double>() + 1e-24);
  }
}

TEST_CASE("what a fused convolution cannot compute is told beforehand" * kNeedsKernels) {
  CHECK(FusedConvolution::isPossible(at::zeros({64, 3, 3, 3}), at::kFloat));
  CHECK(FusedConvolution::isPossible(at::zeros({64, 3, 3, 3}), at::kBFloat16));
  CHECK_FALSE(FusedConvolution::isPossible(at::zeros({63, 3, 3, 3}), at::kFloat));
  CHECK_FALSE(FusedConvolution::isPossible(at::zeros({64, 3, 3, 3}), at::kDouble));
}

TEST_CASE("what packed weights take is known before" * kNeedsKernels) {
  for (const auto& shape : std::vector<ConvolutionShape>{{1, 8, 8, 64, 128, 3, 1, 1},
                                                         {1, 8, 8, 64, 128, 3, 2, 1},
                                                         {1, 8, 8, 128, 64, 1, 1, 0},
                                                         {1, 8, 8, 128, 64, 3, 3, 1}}) {
    const auto weight = weightOf(shape).to(at::kFloat);
    for (const auto type : {at::kFloat, at::kBFloat16}) {
      const FusedConvolution convolution(weight, at::zeros({shape.out}), type, shape.stride,
                                         shape.padding);
      CAPTURE(describe(shape));
      CHECK(convolution.packedBytes() ==
            FusedConvolution::packedBytes(weight.numel(), shape.kernel, shape.stride, type));
    }
  }
}
