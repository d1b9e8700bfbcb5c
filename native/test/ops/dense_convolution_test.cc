#include "core/ops/dense_convolution.h"

#include <doctest/doctest.h>
#include <torch/csrc/autograd/autograd.h>

#include <string>
#include <vector>

#include "core/ops/convolution.h"
#include "support/convolution_examples.h"
#include "support/fixtures.h"
#include "support/within.h"

using namespace moco;
using convolution_examples::inputOf;
using convolution_examples::outputGradientOf;
using convolution_examples::weightOf;

namespace {

/// Every size of a picture, with numbers of channels that differ and that are odd.
const std::vector<ConvolutionShape> kShapes{{64, 2, 2, 32, 48, 3, 1, 1},
                                            {70, 2, 2, 7, 5, 3, 1, 1},
                                            {65, 1, 2, 16, 8, 3, 1, 1},
                                            {65, 2, 1, 16, 8, 3, 1, 1},
                                            {3, 1, 1, 24, 40, 3, 1, 1}};

}  // namespace

TEST_CASE("dense convolutions of small pictures, and their gradients, are PyTorch's") {
  for (const auto& shape : kShapes) {
    REQUIRE(usesDenseConvolution(shape));
    const auto x = inputOf(shape).requires_grad_(), weight = weightOf(shape).requires_grad_();
    const auto dy = outputGradientOf(shape);
    const auto y = at::conv2d(x, weight, /*bias=*/{}, /*stride=*/1, /*padding=*/1);
    const auto exact = torch::autograd::grad({y}, {x, weight}, {dy});

    const auto ownX = x.detach().to(at::kBFloat16).requires_grad_();
    const auto ownWeight = weight.detach().to(at::kBFloat16).requires_grad_();
    const auto ownY = convolution(ownX, ownWeight, /*stride=*/1, /*padding=*/1);
    const auto own = torch::autograd::grad({ownY}, {ownX, ownWeight}, {dy.to(at::kBFloat16)});
    const auto check = [&](const std::string& what, const at::Tensor& value,
                           const at::Tensor& expected) {
      CHECK((value.scalar_type() == at::kBFloat16));
      CHECK(value.is_contiguous(at::MemoryFormat::ChannelsLast));
      // Rounding to 8 significant bits has an error of some 2e-3 in norm.
      checkWithin(what, relativeDistance(value, expected), 4e-3);
    };
    INFO(shape.height, " × ", shape.width, ", ", shape.in, " to ", shape.out, " channels");
    check("output", ownY.detach(), y.detach());
    check("gradient by the input", own[0], exact[0]);
    check("gradient by the weight", own[1], exact[1]);
  }
}

TEST_CASE("larger pictures, strides and few pictures are computed otherwise") {
  CHECK_FALSE(usesDenseConvolution({64, 3, 2, 32, 32, 3, 1, 1}));
  CHECK_FALSE(usesDenseConvolution({64, 2, 2, 32, 32, 3, 2, 1}));
  CHECK_FALSE(usesDenseConvolution({64, 2, 2, 32, 32, 1, 1, 0}));
  CHECK_FALSE(usesDenseConvolution({8, 2, 2, 32, 32, 3, 1, 1}));
}
