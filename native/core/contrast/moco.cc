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

/// All at once, but for types that differ, of which PyTorch would copy one tensor after the other.
void copyByType(const std::vector<at::Tensor>& to, const std::vector<at::Tensor>& from) {
  std::map<at::ScalarType, std::array<std::vector<at::Tensor>, 2>> groups;
  for (size_t i = 0; i < from.size(); ++i) {
    auto& [targets, sources] = groups[from[i].scalar_type()];
    targets.push_back(to[i]);
    sources.push_back(from[i]);
  }
  for (const auto& [type, group] : groups) at::_foreach_copy_(group[0], group[1]);
}

std::unique_ptr<GraphRecorder> recorder(const MocoOptions& options) {
  return options.graphRecorder ? options.graphRecorder() : nullptr;
}

/// Waits for the device.
StepResult read(const at::Tensor& numbers) {
  // One transfer for the three numbers: each would wait for the device.
  const auto onHost = numbers.to(at::kCPU, at::kDouble);
  const double* values = onHost.const_data_ptr<double>();
  return {values[0], values[1], values[2]};
}

}  // namespace

Moco::Moco(const MocoOptions& options)
    : options_(options),
      query_(options.encoder),
      key_(options.encoder),
      queue_(options.queueLength, options.encoder.featureDim, options.seed,
             query_.parameters().flat().options()),
      adam_(query_.parameters().flat(), options.adam),
      gradients_(query_.parameters().zerosLike(options.encoder.master)),
      gradientGraph_([this](const auto& views) { return forwardAndBackward(views); },
                     recorder(options)),
      updateGraph_(
          [this](const auto&) {
            adam_.step(gradients_.flat());
            query_.refreshWeights();
            momentumUpdate();
            return GraphedFunction::Tensors{};
          },
          recorder(options)) {
  query_.initialise(options.seed);
  key_.copyParametersFrom(query_);
}

StepResult Moco::step(const at::Tensor& queryViews, const at::Tensor& keyViews,
                      const at::Tensor& keyOrder) {
  StatisticsGuard queryStatistics(query_);
  StatisticsGuard keyStatistics(key_);
  const int64_t batches = query_.batchesTracked() + 1;
  GraphedFunction::Tensors inputs{queryViews, keyViews};
  if (keyOrder.defined()) inputs.push_back(keyOrder);
  const auto outputs = gradientGraph_(inputs);
  for (Encoder* encoder : {&query_, &key_}) encoder->setBatchesTracked(batches);
  const StepResult result = read(outputs[1]);
  requireFinite(result);
  queryStatistics.keep();
  keyStatistics.keep();
  update(outputs[0]);
  return result;
}

GraphedFunction::Tensors Moco::forwardAndBackward(const GraphedFunction::Tensors& inputs) {
  const at::Tensor keyOrder = inputs.size() > 2 ? inputs[2] : at::Tensor();
  const auto [keys, infoNce] = contrast(inputs[0], inputs[1], keyOrder);
  return {keys, differentiate(infoNce)};
}

Moco::Contrast Moco::contrast(const at::Tensor& queryViews, const at::Tensor& keyViews,
                              const at::Tensor& keyOrder) {
  RECORD_USER_SCOPE(phase::kForward);
  const auto keys = keysOf(keyViews, keyOrder);
  const auto queries = query_.project(query_.backbone(queryViews, Mode::kTrain), Mode::kTrain);
  return {keys, infoNce(queries, keys, queue_.keys(), options_.temperature)};
}

at::Tensor Moco::keysOf(const at::Tensor& views, const at::Tensor& order) {
  const at::NoGradGuard noGrad;
  if (!order.defined()) return key_.project(key_.backbone(views, Mode::kTrain), Mode::kTrain);
  // Selected from (B, H, W, 3), so that they stay channels last.
  const auto shuffled = views.permute({0, 2, 3, 1}).index_select(0, order).permute({0, 3, 1, 2});
  const auto keys = key_.project(key_.backbone(shuffled, Mode::kTrain), Mode::kTrain);
  return at::empty_like(keys).index_copy_(0, order, keys);
}

at::Tensor Moco::differentiate(const InfoNce& contrast) {
  RECORD_USER_SCOPE(phase::kBackward);
  const auto gradients = torch::autograd::grad({contrast.loss}, query_.weights());

  const at::NoGradGuard noGrad;
  copyByType(gradients_.views(), gradients);
  return at::stack({contrast.loss.detach(), contrast.accuracy, gradients_.flat().norm()});
}

void Moco::update(const at::Tensor& keys) {
  RECORD_USER_SCOPE(phase::kUpdate);
  updateGraph_({});
  queue_.enqueue(keys);
}

const std::string& Moco::graphFailure() const {
  return gradientGraph_.failure().empty() ? updateGraph_.failure() : gradientGraph_.failure();
}

StateDict Moco::state() const {
  StateDict state;
  append(state, "query.", query_.stateDict());
  append(state, "key.", key_.stateDict());
  const NamedTensors& layout = query_.parameters();
  append(state, "optimiser.first_moment.", layout.over(adam_.firstMoment()).state());
  append(state, "optimiser.second_moment.", layout.over(adam_.secondMoment()).state());
  append(state, "optimiser.", {{"steps", adam_.steps()}});
  append(state, "queue.", queue_.state());
  return state;
}

void Moco::restore(const StateDict& state) {
  // A smaller network finds all its tensors in a larger one's state.
  const size_t expected = this->state().size();
  if (state.size() != expected) {
    throw Error("ERR_MOCO_CHECKPOINT",
                "the state has " + std::to_string(state.size()) + " tensors, expected " +
                    std::to_string(expected),
                "Choose a checkpoint of a run with the same arch.");
  }
  query_.loadState(section(state, "query."));
  key_.loadState(section(state, "key."));
  const NamedTensors& layout = query_.parameters();
  layout.over(adam_.firstMoment()).restore(section(state, "optimiser.first_moment."));
  layout.over(adam_.secondMoment()).restore(section(state, "optimiser.second_moment."));
  adam_.steps().copy_(StateLookup(state).get("optimiser.steps", {}));
  queue_.restore(section(state, "queue."));
}

void Moco::momentumUpdate() {
  const at::NoGradGuard noGrad;
  key_.parameters().flat().lerp_(query_.parameters().flat(), 1.0 - options_.momentum);
  key_.refreshWeights();
}

}  // namespace moco
