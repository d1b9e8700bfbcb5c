#include "core/ops/convolution.h"

#include <doctest/doctest.h>
#include <torch/csrc/autograd/autograd.h>

#include <vector>

#include "core/ops/pointwise_convolution.h"

using namespace moco;

namespace {

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
          doctest::skip(!usesPointwise({64, 8, 8, 128, 256, 1, 1, 0}))) {
  const auto x = bf16({64, 128, 8, 8}).requires_grad_();
  const auto weight = bf16({256, 128, 1, 1}).requires_grad_();
  const auto y = convolution(x, weight, 1, 0);
  CHECK_THROWS_WITH_AS(
      torch::autograd::grad({y.sum()}, {weight}, {}, /*retain_graph=*/true, /*create_graph=*/true),
      doctest::Contains("second derivative"), c10::Error);
}
