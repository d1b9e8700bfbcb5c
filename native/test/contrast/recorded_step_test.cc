#include <ATen/core/Formatting.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "core/contrast/graphed_moco.h"
#include "support/formula.h"
#include "support/operator_trace.h"
#include "support/step_inputs.h"

// The work of a step that a CUDA graph would hold, as the list of the operators that it calls. What
// would make recording fail, or copy what need not be copied, is found in it without a GPU.

using namespace moco;

namespace {

/// Operators whose insides are not looked at, because the CPU's kernel is not the GPU's.
const std::set<std::string> kOpaque{
    // oneDNN's want their own layouts, and where there is none, columns are copied; cuDNN's take
    // channels last as it is.
    "aten::convolution",
    "aten::convolution_backward",
    // The CPU's reads the number of steps on the host, and the GPU's on the device.
    "aten::_fused_adam_",
    "aten::_fused_adamw_",
    "aten::_fused_sgd_",
    // In bf16 the CPU's converts its whole input first, and the GPU's while it reads.
    "aten::mean",
    "aten::sum",
    // The CPU's copies the bias into the output first, and cuBLAS adds it at the end.
    "aten::addmm",
    // The CPU's copies one tensor after the other. What the GPU's needs to copy all at once is
    // checked of its inputs.
    "aten::_foreach_copy_",
};

/// Operators that give the host what depends on the device's numbers: it would have to wait.
const std::set<std::string> kSynchronising{"aten::item",
                                           "aten::_local_scalar_dense",
                                           "aten::is_nonzero",
                                           "aten::nonzero",
                                           "aten::argwhere",
                                           "aten::masked_select",
                                           "aten::equal",
                                           "aten::allclose",
                                           "aten::bincount",
                                           "aten::_unique2",
                                           "aten::unique_consecutive",
                                           "aten::unique_dim",
                                           "aten::_assert_async",
                                           "aten::pin_memory"};

bool isOpaque(const std::string& name) { return kOpaque.contains(name); }

/// The operators that the recorded part of a step calls, but for those inside opaque ones.
std::vector<OperatorCall> recordedCalls(at::ScalarType compute,
                                        const OptimiserSettings& optimiser = {
                                            .learningRate = 1e-3, .weightDecay = 1e-6}) {
  GraphLog log;
  std::vector<OperatorCall> calls;
  GraphedMoco moco({.encoder = {.settings = {.arch = "resnet18", .featureDim = 32},
                                .device = at::kCPU,
                                .compute = compute},
                    .contrast = {.m = 19, .temperature = 0.5, .momentum = 0.99},
                    .optimiser = optimiser,
                    .seed = 3},
                   [&] { return std::make_unique<TracedGraph>(log, calls); });
  const StepInput views =
      queriesAndKeys(formula::pictures("view1", 8, compute), formula::pictures("view2", 8, compute),
                     at::arange(8).flip(0));
  const int steps = GraphedFunction::kPlainCalls + 2;  // one is recorded, and the next one replayed
  for (int step = 0; step < steps; ++step) moco.step(views);
  REQUIRE(log.replayed == 4);
  std::erase_if(calls, [](const OperatorCall& call) {
    return std::any_of(call.callers.begin(), call.callers.end(), isOpaque);
  });
  return calls;
}

std::string describe(const OperatorCall& call) {
  std::ostringstream text;
  for (const auto& caller : call.callers) text << caller << " > ";
  text << call.name;
  for (const auto& input : call.inputs) {
    if (input.isTensor()) text << " " << input.toTensor().toString() << input.toTensor().sizes();
  }
  return text.str();
}

/// Whether a call copies a tensor without converting its numbers. A single number counts for
/// nothing: it is a constant, which kernels of a GPU get as an argument.
bool isMereCopy(const OperatorCall& call) {
  if (call.name == "aten::clone") return true;
  const auto& tensor = call.inputs.empty() ? c10::IValue() : call.inputs[0];
  if (!tensor.isTensor() || tensor.toTensor().dim() == 0) return false;
  const at::ScalarType type = tensor.toTensor().scalar_type();
  if (call.name == "aten::_to_copy") {
    return call.inputs[1].isNone() || call.inputs[1].toScalarType() == type;
  }
  if (call.name != "aten::copy_") return false;
  // `_to_copy` and `clone` call it, too.
  const bool isOwn = call.callers.empty() || (call.callers.back() != "aten::_to_copy" &&
                                              call.callers.back() != "aten::clone");
  return isOwn && call.inputs[1].toTensor().scalar_type() == type;
}

/// Whether our own code, and not PyTorch's within an operator, names a device to convert to.
bool namesDevice(const OperatorCall& call) {
  const bool isOurs = std::all_of(call.callers.begin(), call.callers.end(),
                                  [](const auto& caller) { return caller.starts_with("moco::"); });
  return isOurs && (call.name == "aten::to" || call.name == "aten::_to_copy") &&
         std::any_of(call.inputs.begin(), call.inputs.end(),
                     [](const c10::IValue& input) { return input.isDevice(); });
}

void checkNone(const std::vector<OperatorCall>& calls, const std::string& what,
               bool (*isWrong)(const OperatorCall&)) {
  for (const auto& call : calls) {
    if (!isWrong(call)) continue;
    INFO(what, ": ", describe(call));
    CHECK(false);
  }
}

/// Checks what lets `_foreach_copy_` copy all tensors in one kernel: one type on either side, and
/// the same sizes and strides, those of dimensions of length 1 included.
void checkCopiedAtOnce(const OperatorCall& call) {
  const auto targets = call.inputs[0].toTensorVector();
  const auto sources = call.inputs[1].toTensorVector();
  REQUIRE(targets.size() == sources.size());
  for (size_t i = 0; i < targets.size(); ++i) {
    INFO("tensor ", i, " of ", targets[i].sizes());
    CHECK(targets[i].dtype() == targets[0].dtype());
    CHECK(sources[i].dtype() == sources[0].dtype());
    CHECK(targets[i].sizes() == sources[i].sizes());
    CHECK(targets[i].strides() == sources[i].strides());
  }
}

}  // namespace

TEST_CASE("the recorded part of a step never waits for the device") {
  for (const auto compute : {at::kFloat, at::kBFloat16}) {
    INFO(compute);
    const auto calls = recordedCalls(compute);
    checkNone(calls, "waits",
              [](const OperatorCall& call) { return kSynchronising.contains(call.name); });
    checkNone(calls, "may copy to the host", namesDevice);
  }
}

TEST_CASE("no optimiser waits for the device") {
  for (const std::string name : {"adamw", "sgd", "lars"}) {
    INFO(name);
    const auto calls = recordedCalls(at::kFloat, {.optimiser = name,
                                                  .learningRate = 1e-3,
                                                  .weightDecay = 1e-6,
                                                  .decayNormAndBias = false,
                                                  .trustClip = true,
                                                  .gradientClip = 1});
    checkNone(calls, "waits",
              [](const OperatorCall& call) { return kSynchronising.contains(call.name); });
    checkNone(calls, "may copy to the host", namesDevice);
  }
}

TEST_CASE("the recorded part of a step copies tensors only to convert their numbers") {
  for (const auto compute : {at::kFloat, at::kBFloat16}) {
    INFO(compute);
    checkNone(recordedCalls(compute), "copies", isMereCopy);
  }
}

TEST_CASE("gradients lie in memory as the parameters do, so that they are copied all at once") {
  for (const auto compute : {at::kFloat, at::kBFloat16}) {
    INFO(compute);
    size_t copied = 0;
    for (const auto& call : recordedCalls(compute)) {
      if (call.name != "aten::_foreach_copy_") continue;
      checkCopiedAtOnce(call);
      copied += call.inputs[0].toTensorVector().size();
    }
    CHECK(copied == 65);  // the parameters of a ResNet-18 and its projection head
  }
}

TEST_CASE("the trace finds operators that wait, copy or name a device") {
  std::vector<OperatorCall> calls;
  const auto numbers = at::ones({3, 2});
  const auto found = [&](const std::function<void()>& work, bool (*isWrong)(const OperatorCall&)) {
    calls.clear();
    {
      const OperatorTrace trace(calls);
      work();
    }
    return std::any_of(calls.begin(), calls.end(), isWrong);
  };
  const auto waits = [](const OperatorCall& call) { return kSynchronising.contains(call.name); };
  CHECK(found([&] { numbers.sum().item(); }, waits));
  CHECK(found([&] { numbers.nonzero(); }, waits));
  CHECK_FALSE(found([&] { numbers.mul(2); }, waits));
  CHECK(found([&] { numbers.t().contiguous(); }, isMereCopy));
  CHECK(found([&] { numbers.expand({4, 3, 2}).reshape({12, 2}); }, isMereCopy));
  CHECK(found([&] { at::empty({3, 2}).copy_(numbers); }, isMereCopy));
  CHECK_FALSE(found([&] { numbers.to(at::kBFloat16); }, isMereCopy));
  CHECK(found([&] { numbers.to(at::kCPU, at::kDouble); }, namesDevice));
  CHECK_FALSE(found([&] { numbers.to(at::kDouble); }, namesDevice));
}
