#include "core/contrast/moco.h"

#include <ATen/core/grad_mode.h>
#include <ATen/record_function.h>
#include <torch/csrc/autograd/autograd.h>

#include <array>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/device/profiler.h"
#include "core/model/statistics_guard.h"

namespace moco {
namespace {

void requireFinite(const StepResult& result) {
  if (std::isfinite(result.loss) && std::isfinite(result.gradientNorm)) return;
  const bool loss = !std::isfinite(result.loss);
  throw Error("ERR_MOCO_NON_FINITE",
              std::string(loss ? "the loss is " : "the norm of the gradient is ") +
                  std::to_string(loss ? result.loss : result.gradientNorm),
              "Lower the learning rate, raise the temperature, or train in fp32.");
}

/// Copies all tensors of one type at once: PyTorch copies lists of several types one tensor at a
/// time.
void copyByType(const std::vector<at::Tensor>& to, const std::vector<at::Tensor>& from) {
  std::map<at::ScalarType, std::array<std::vector<at::Tensor>, 2>> groups;
  for (size_t i = 0; i < from.size(); ++i) {
    auto& [targets, sources] = groups[from[i].scalar_type()];
    targets.push_back(to[i]);
    sources.push_back(from[i]);
  }
  for (const auto& [type, group] : groups) at::_foreach_copy_(group[0], group[1]);
}

/// A `StepResult` in one tensor: (3), on the device.
at::Tensor pack(const InfoNce& infoNce, const at::Tensor& gradientNorm) {
  return at::stack({infoNce.loss.detach(), infoNce.accuracy, gradientNorm});
}

/// Waits for the device, once for all numbers.
StepResult unpack(const at::Tensor& result) {
  const auto onHost = result.to(at::kCPU, at::kDouble);
  const double* numbers = onHost.const_data_ptr<double>();
  return {.loss = numbers[0], .accuracy = numbers[1], .gradientNorm = numbers[2]};
}

at::Tensor encode(Encoder& encoder, const at::Tensor& views) {
  return encoder.project(encoder.backbone(views, Mode::kTrain), Mode::kTrain);
}

}  // namespace

Moco::Moco(const MocoOptions& options)
    : options_(options),
      query_(options.encoder),
      key_(options.encoder),
      queue_(options.contrast.m, options.encoder.settings.featureDim, options.seed,
             query_.parameters().flat().options()),
      optimiser_(query_.parameters(), options.optimiser),
      gradients_(query_.parameters().zerosLike(options.encoder.master)) {
  query_.initialise(options.seed);
  key_.copyParametersFrom(query_);  // f_k.params = f_q.params
}

// Algorithm 1 of the paper, whose lines stand beside ours as `// …`; in them, m is the momentum.
// Views come from core/input, and the lines from l_pos to the loss are in info_nce.cc. Two things
// are added: keys can be shuffled among the BatchNorm groups (section 3.3), and a step whose loss
// or gradient is not finite is refused before it changes anything.

StepResult Moco::step(const Views& views) {
  StatisticsGuard queryStatistics(query_), keyStatistics(key_);
  const FirstHalf half = differentiate(views);
  const StepResult result = unpack(half.result);
  requireFinite(result);
  queryStatistics.keep();
  keyStatistics.keep();
  RECORD_USER_SCOPE(phase::kUpdate);
  updateEncoders();
  queue_.enqueue(half.keys);  // enqueue(queue, k); dequeue(queue)
  return result;
}

Moco::FirstHalf Moco::differentiate(const Views& views) {
  const auto [keys, infoNce] = forward(views);
  RECORD_USER_SCOPE(phase::kBackward);
  backward(infoNce.loss);  // loss.backward()
  return {keys, pack(infoNce, gradients_.flat().norm())};
}

Moco::Forward Moco::forward(const Views& views) {
  RECORD_USER_SCOPE(phase::kForward);
  // Keys come first, because the query encoder's activations stay in memory until the backward
  // pass.
  const auto keys = encodeKeys(views);                 // k = f_k.forward(x_k).detach()
  const auto queries = encode(query_, views.queries);  // q = f_q.forward(x_q)
  return {keys, infoNce(queries, keys, queue_.keys(), options_.contrast.temperature)};
}

at::Tensor Moco::encodeKeys(const Views& views) {
  const at::NoGradGuard noGrad;
  const at::Tensor& order = views.keyOrder;
  if (!order.defined()) return encode(key_, views.keys);
  // The views are selected as (B, H, W, 3), so that they stay channels last.
  const auto shuffled =
      views.keys.permute({0, 2, 3, 1}).index_select(0, order).permute({0, 3, 1, 2});
  const auto keys = encode(key_, shuffled);
  return at::empty_like(keys).index_copy_(0, order, keys);
}

void Moco::backward(const at::Tensor& loss) {
  const auto gradients = torch::autograd::grad({loss}, query_.weights());
  const at::NoGradGuard noGrad;
  copyByType(gradients_.views(), gradients);
}

void Moco::updateEncoders() {
  optimiser_.step(gradients_.flat());  // update(f_q.params)
  query_.refreshWeights();
  momentumUpdate();  // f_k.params = m * f_k.params + (1 - m) * f_q.params
}

/// θ_k ← momentum · θ_k + (1 − momentum) · θ_q (eq. 2).
void Moco::momentumUpdate() {
  const at::NoGradGuard noGrad;
  key_.parameters().flat().lerp_(query_.parameters().flat(), 1.0 - options_.contrast.momentum);
  key_.refreshWeights();
}

StateDict Moco::state() const {
  StateDict state;
  append(state, kQueryEncoder, query_.stateDict());
  append(state, "key.", key_.stateDict());
  append(state, "optimiser.", optimiser_.state());
  append(state, "queue.", queue_.state());
  return state;
}

void Moco::beginWith(const StateDict& weights) {
  query_.loadPart(weights);
  key_.loadPart(weights);
}

void Moco::restore(const StateDict& state) {
  // The number is checked, too, because a smaller network would find all its tensors in the state
  // of a larger one.
  const size_t expected = this->state().size();
  if (state.size() != expected) {
    throw Error("ERR_MOCO_CHECKPOINT",
                "the state has " + std::to_string(state.size()) + " tensors, expected " +
                    std::to_string(expected),
                "Choose a checkpoint of a run with the same arch.");
  }
  query_.loadState(section(state, kQueryEncoder));
  key_.loadState(section(state, "key."));
  optimiser_.restore(section(state, "optimiser."));
  queue_.restore(section(state, "queue."));
}

}  // namespace moco
