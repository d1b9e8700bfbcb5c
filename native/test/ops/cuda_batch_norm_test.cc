#include "core/ops/cuda_batch_norm.h"

#include <ATen/core/grad_mode.h>
#include <doctest/doctest.h>
#include <torch/csrc/autograd/autograd.h>

#include <limits>
#include <string>
#include <vector>

#include "support/fixtures.h"
#include "support/formula.h"
#include "support/kernels.h"
#include "support/within.h"

using namespace moco;

namespace {

const auto kNeedsKernels = doctest::skip(!canRunKernels());

struct Case {
  std::vector<int64_t> shape;  // (B, C) or (B, C, H, W)
  int64_t groups;
};

/// Shapes of ResNets on a small scale; numbers of channels that are no multiple of one access to
/// memory, or larger than a block; rows for a single thread and for many blocks.
const std::vector<Case> kCases{{{4, 64, 5, 3}, 1},  {{8, 64, 5, 3}, 4},  {{32, 512}, 1},
                               {{12, 40}, 3},       {{2, 264, 2, 1}, 1}, {{6, 17, 3, 5}, 1},
                               {{6, 17, 3, 5}, 2},  {{2, 1, 7, 9}, 1},   {{5, 259, 1, 1}, 1},
                               {{16, 8, 17, 9}, 1}, {{16, 8, 17, 9}, 8}, {{64, 16, 12, 12}, 2}};

const std::vector<Epilogue> kEpilogues{Epilogue::kNone, Epilogue::kRelu, Epilogue::kAddRelu};

/// The inputs and running statistics of one layer.
struct Layer {
  at::ScalarType type;  // of the activations; `exact` makes them fp64 that is rounded to it
  at::Tensor x, residual, weight, bias, runningMean, runningVar;
  BatchNormState state;

  Layer(const Case& shape, at::ScalarType elements, bool training = true)
      : type(elements),
        x(activations("x", shape.shape, type)),
        residual(activations("residual", shape.shape, type)),
        weight(formula::uniform("weight", {x.size(1)}, -1, 2)),
        bias(formula::uniform("bias", {x.size(1)}, -0.5, 0.5)),
        runningMean(formula::uniform("mean", {x.size(1)}, -1, 1)),
        runningVar(formula::uniform("var", {x.size(1)}, 0.5, 2)),
        state{weight, bias, runningMean, runningVar, training, shape.groups} {}
  Layer(const Layer&) = delete;

  static at::Tensor activations(const std::string& name, const std::vector<int64_t>& shape,
                                at::ScalarType type) {
    const auto values = formula::uniform(name, shape, -1, 3).to(type);
    return shape.size() == 4 ? values.contiguous(at::MemoryFormat::ChannelsLast) : values;
  }

  void to(at::Device device, at::ScalarType parameters) {
    for (auto* tensor : {&weight, &bias, &runningMean, &runningVar}) {
      *tensor = tensor->to(device, parameters);
    }
    for (auto* tensor : {&x, &residual}) {
      *tensor = tensor->to(device, parameters == at::kDouble ? at::kDouble : x.scalar_type());
    }
  }
  /// Converts everything to fp64 on the CPU, for the results that the kernels' are compared with.
  Layer& exact() {
    to(at::kCPU, at::kDouble);
    return *this;
  }
  /// Moves everything to the device on which the kernels run.
  Layer& onDevice() {
    to(kernelDevice(), at::kFloat);
    return *this;
  }
};

using Function = decltype(cudaBatchNorm);

struct Named {
  std::string name;
  at::Tensor tensor;
};

/// The output, the gradients and the running statistics after one forward and backward pass.
std::vector<Named> trained(Layer& layer, Epilogue epilogue, Function& function) {
  std::vector<at::Tensor> inputs{layer.x, layer.weight, layer.bias};
  const bool hasResidual = epilogue == Epilogue::kAddRelu;
  if (hasResidual) inputs.push_back(layer.residual);
  for (const auto& input : inputs) input.requires_grad_();
  const auto y =
      function(layer.x, layer.state, epilogue, hasResidual ? layer.residual : at::Tensor()).first;
  const auto dy = formula::uniform("dy", y.sizes(), -1, 2).to(layer.type).to(y.options());
  const auto gradients = torch::autograd::grad({y}, inputs, {dy});
  std::vector<Named> results{{"y", y.detach()},
                             {"dx", gradients[0]},
                             {"dWeight", gradients[1]},
                             {"dBias", gradients[2]},
                             {"running mean", layer.runningMean},
                             {"running variance", layer.runningVar}};
  if (hasResidual) results.push_back({"dResidual", gradients[3]});
  return results;
}

std::string describe(const Case& shape, at::ScalarType type, Epilogue epilogue) {
  std::ostringstream text;
  text << at::IntArrayRef(shape.shape) << " in " << shape.groups << " groups, " << type
       << ", epilogue " << static_cast<int>(epilogue);
  return text.str();
}

double off(const at::Tensor& result, const at::Tensor& exact) {
  return relativeDistance(result.to(at::kCPU), exact);
}

}  // namespace

TEST_CASE("in training, kernels give what PyTorch's operators give in fp64" * kNeedsKernels) {
  for (const auto& [type, tolerance] : {std::pair{at::kFloat, 2e-6}, {at::kBFloat16, 4e-3}}) {
    for (const auto& shape : kCases) {
      for (const auto epilogue : kEpilogues) {
        INFO(describe(shape, type, epilogue));
        Layer layer(shape, type);
        Layer reference(shape, type);
        const auto results = trained(layer.onDevice(), epilogue, cudaBatchNorm);
        const auto expected = trained(reference.exact(), epilogue, plainBatchNorm);
        REQUIRE(fitsCudaBatchNorm(layer.x, layer.state, layer.residual));
        for (size_t i = 0; i < results.size(); ++i) {
          INFO(results[i].name);
          const bool isActivation = results[i].tensor.sizes() == layer.x.sizes();
          CHECK(results[i].tensor.dtype() ==
                at::TensorOptions(isActivation ? type : at::kFloat).dtype());
          checkWithin(results[i].name + " of " + describe(shape, type, epilogue),
                      off(results[i].tensor, expected[i].tensor), isActivation ? tolerance : 2e-6);
        }
      }
    }
  }
}

TEST_CASE("in evaluation, kernels use the running statistics and do not change them" *
          kNeedsKernels) {
  const at::NoGradGuard noGrad;
  for (const auto& [type, tolerance] : {std::pair{at::kFloat, 2e-6}, {at::kBFloat16, 4e-3}}) {
    for (const auto& shape : kCases) {
      for (const auto epilogue : kEpilogues) {
        INFO(describe(shape, type, epilogue));
        Layer layer(shape, type, /*training=*/false);
        Layer reference(shape, type, /*training=*/false);
        layer.onDevice();
        reference.exact();
        const auto before = layer.runningVar.clone();
        const auto y = cudaBatchNorm(layer.x, layer.state, epilogue, layer.residual).first;
        const auto expected =
            plainBatchNorm(reference.x, reference.state, epilogue, reference.residual).first;
        checkWithin(describe(shape, type, epilogue), off(y, expected), tolerance);
        CHECK(layer.runningVar.equal(before));
      }
    }
  }
}

TEST_CASE("results do not depend on the order in which threads run" * kNeedsKernels) {
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    std::vector<Named> first;
    for (uint32_t order = 1; order <= 4; ++order) {
      orderThreads(order);
      Layer layer({{64, 16, 12, 12}, 2}, type);
      const auto results = trained(layer.onDevice(), Epilogue::kAddRelu, cudaBatchNorm);
      if (first.empty()) first = results;
      for (size_t i = 0; i < results.size(); ++i) CHECK(results[i].tensor.equal(first[i].tensor));
    }
  }
}

TEST_CASE("without autograd the result has the same bits, and nothing is kept" * kNeedsKernels) {
  Layer layer({{4, 64, 5, 3}, 1}, at::kBFloat16);
  layer.onDevice();
  layer.weight.requires_grad_();
  const auto y = cudaBatchNorm(layer.x, layer.state, Epilogue::kAddRelu, layer.residual).first;
  CHECK(y.requires_grad());
  const at::NoGradGuard noGrad;
  const auto again = cudaBatchNorm(layer.x, layer.state, Epilogue::kAddRelu, layer.residual).first;
  CHECK_FALSE(again.requires_grad());
  CHECK(again.equal(y));
}

TEST_CASE("two readers have the same memory, and their gradients are added" * kNeedsKernels) {
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    for (const auto& shape : kCases) {
      INFO(describe(shape, type, Epilogue::kAddRelu));
      Layer layer(shape, type);
      layer.onDevice();
      const std::vector<at::Tensor> inputs{layer.x, layer.weight, layer.bias, layer.residual};
      for (const auto& input : inputs) input.requires_grad_();
      const auto gradientLike = [&](const std::string& name) {
        return formula::uniform(name, layer.x.sizes(), -1, 2).to(type).to(layer.x.options());
      };
      const auto dy = gradientLike("dy"), other = gradientLike("other");
      const auto gradients = [&](const std::vector<bool>& reads,
                                 const std::vector<at::Tensor>& gradient) {
        const auto y = cudaBatchNorm(layer.x, layer.state, Epilogue::kAddRelu, layer.residual);
        CHECK(y.second.data_ptr() == y.first.data_ptr());
        std::vector<at::Tensor> outputs;
        if (reads[0]) outputs.push_back(y.first);
        if (reads[1]) outputs.push_back(y.second);
        return torch::autograd::grad(outputs, inputs, gradient);
      };
      const auto sum = gradients({true, false}, {dy + other});
      const auto both = gradients({true, true}, {dy, other});
      const auto first = gradients({true, false}, {dy});
      const auto second = gradients({false, true}, {dy});
      for (size_t i = 0; i < inputs.size(); ++i) {
        CHECK(both[i].equal(sum[i]));
        CHECK(second[i].equal(first[i]));
      }
    }
  }
}

TEST_CASE("counters are zero after every pass, and may be used again" * kNeedsKernels) {
  const Case shape{{64, 16, 12, 12}, 2};
  Layer own(shape, at::kFloat), given(shape, at::kFloat);
  const auto expected = trained(own.onDevice(), Epilogue::kAddRelu, cudaBatchNorm);
  given.onDevice();
  given.state.counters =
      at::zeros({batchNormCounters(16)}, at::device(kernelDevice()).dtype(at::kInt));
  for (int pass = 0; pass < 3; ++pass) {
    const auto results = trained(given, Epilogue::kAddRelu, cudaBatchNorm);
    CHECK(given.state.counters.eq(0).all().item<bool>());
    CHECK(results[1].tensor.equal(expected[1].tensor));
  }
  given.state.counters = given.state.counters.narrow(0, 0, 0);
  CHECK_THROWS_WITH_AS(cudaBatchNorm(given.x, given.state, Epilogue::kNone, {}),
                       doctest::Contains("counters"), c10::Error);
}

TEST_CASE("the result is the same in memory that is not aligned for wide accesses" *
          kNeedsKernels) {
  const at::NoGradGuard noGrad;
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    Layer layer({{24, 16}, 2}, type);
    layer.onDevice();
    const auto odd =
        at::empty({24 * 16 + 1}, layer.x.options()).narrow(0, 1, 24 * 16).view({24, 16});
    odd.copy_(layer.x);
    const auto expected = cudaBatchNorm(layer.x, layer.state, Epilogue::kRelu, {}).first;
    CHECK(off(cudaBatchNorm(odd, layer.state, Epilogue::kRelu, {}).first, expected.to(at::kCPU)) <
          1e-6);
  }
}

TEST_CASE("the variance is exact even with a mean far from zero and an outlier in front" *
          kNeedsKernels) {
  const at::NoGradGuard noGrad;
  Layer layer({{64, 16, 12, 12}, 1}, at::kFloat);
  Layer reference({{64, 16, 12, 12}, 1}, at::kFloat);
  for (auto* inputs : {&layer, &reference}) {
    inputs->x.add_(3000);
    inputs->x[0].select(0, 3).fill_(-1000);
  }
  layer.onDevice();
  reference.exact();
  cudaBatchNorm(layer.x, layer.state, Epilogue::kNone, {});
  plainBatchNorm(reference.x, reference.state, Epilogue::kNone, {});
  CHECK(at::allclose(layer.runningVar.to(at::kCPU, at::kDouble), reference.runningVar, 1e-4));
  CHECK(at::allclose(layer.runningMean.to(at::kCPU, at::kDouble), reference.runningMean, 1e-6));
}

TEST_CASE("a single row is its own mean, and has no unbiased variance" * kNeedsKernels) {
  const at::NoGradGuard noGrad;
  Layer layer({{1, 12}, 1}, at::kFloat);
  layer.onDevice();
  const auto y = cudaBatchNorm(layer.x, layer.state, Epilogue::kNone, {}).first;
  CHECK(y.equal(layer.bias.view({1, 12})));
  CHECK(layer.runningVar.isnan().all().item<bool>());
}

TEST_CASE("NaN stays NaN through the ReLU" * kNeedsKernels) {
  const at::NoGradGuard noGrad;
  Layer layer({{4, 64, 5, 3}, 1}, at::kBFloat16);
  layer.x[1][7][2][2] = std::numeric_limits<float>::quiet_NaN();
  layer.onDevice();
  const auto y = cudaBatchNorm(layer.x, layer.state, Epilogue::kRelu, {}).first;
  CHECK(y.select(1, 7).isnan().all().item<bool>());
  CHECK_FALSE(y.select(1, 6).isnan().any().item<bool>());
}

TEST_CASE("layouts and types that the kernels do not support are left to PyTorch") {
  const auto fits = [](const Layer& layer) {
    return fitsCudaBatchNorm(layer.x, layer.state, layer.residual);
  };
  const Case shape{{4, 64, 5, 3}, 1};
  Layer contiguous(shape, at::kFloat);
  CHECK(fits(contiguous));
  contiguous.x = contiguous.x.contiguous();
  CHECK_FALSE(fits(contiguous));
  Layer residual(shape, at::kFloat);
  residual.residual = residual.residual.contiguous();
  CHECK_FALSE(fits(residual));
  Layer parameter(shape, at::kFloat);
  parameter.bias = at::zeros({65}).narrow(0, 1, 64);
  CHECK_FALSE(fits(parameter));
  CHECK_FALSE(fits(Layer(shape, at::kDouble)));
  CHECK_FALSE(fits(Layer(shape, at::kFloat, /*training=*/false)));
}
