#include "core/model/layers.h"

#include <cmath>
#include <utility>

#include "core/ops/convolution.h"

namespace moco {
namespace {

using Kind = Initialisation::Kind;

}  // namespace

size_t NetworkPlan::addParameter(const std::string& name, std::vector<int64_t> shape,
                                 Initialisation init, bool inLowPrecision) {
  parameters.push_back({name, std::move(shape)});
  initialisations.push_back(init);
  lowPrecision.push_back(inLowPrecision);
  state.push_back({StateEntry::Kind::kParameter, parameters.size() - 1, name});
  return parameters.size() - 1;
}

size_t NetworkPlan::addBuffer(const std::string& name, std::vector<int64_t> shape) {
  buffers.push_back({name, std::move(shape)});
  state.push_back({StateEntry::Kind::kBuffer, buffers.size() - 1, name});
  return buffers.size() - 1;
}

void NetworkPlan::addBatchesTracked(const std::string& name) {
  state.push_back({StateEntry::Kind::kBatchesTracked, 0, name});
}

std::vector<TensorSpec> NetworkPlan::layout() const {
  std::vector<TensorSpec> layout;
  for (const auto& entry : state) {
    switch (entry.kind) {
      case StateEntry::Kind::kParameter:
        layout.push_back(parameters[entry.index]);
        break;
      case StateEntry::Kind::kBuffer:
        layout.push_back(buffers[entry.index]);
        break;
      case StateEntry::Kind::kBatchesTracked:
        layout.push_back({entry.name, {}});
        break;
    }
  }
  return layout;
}

at::Tensor Convolution::operator()(const Pass& pass, const at::Tensor& x) const {
  return convolution(x, pass.weights[weight], stride, padding);
}

BatchNormState BatchNorm::state(const Pass& pass) const {
  return {.weight = pass.weights[weight],
          .bias = pass.weights[bias],
          .runningMean = pass.buffers[runningMean],
          .runningVar = pass.buffers[runningVar],
          .training = pass.training,
          .groups = pass.batchNormGroups,
          .counters = pass.counters ? (*pass.counters)[counters] : at::Tensor()};
}

at::Tensor BatchNorm::operator()(const Pass& pass, const at::Tensor& x) const {
  return batchNorm(x, state(pass), Epilogue::kNone).first;
}

at::Tensor BatchNorm::relu(const Pass& pass, const at::Tensor& x) const {
  return batchNorm(x, state(pass), Epilogue::kRelu).first;
}

BatchNorm::Affine BatchNorm::affine(const Pass& pass) const {
  const auto scale = pass.weights[weight] * (pass.buffers[runningVar] + kBatchNormEps).rsqrt();
  return {scale, pass.weights[bias] - pass.buffers[runningMean] * scale};
}

at::Tensor PlainBatchNorm::operator()(const Pass& pass, const at::Tensor& x) const {
  const at::Tensor& mean = pass.buffers[runningMean];
  const at::Tensor weight = at::ones_like(mean);  // for kernels, which always have both
  const at::Tensor bias = at::zeros_like(mean);
  const BatchNormState state{.weight = weight,
                             .bias = bias,
                             .runningMean = mean,
                             .runningVar = pass.buffers[runningVar],
                             .training = pass.training,
                             .groups = pass.batchNormGroups,
                             .counters = pass.counters ? (*pass.counters)[counters] : at::Tensor()};
  return batchNorm(x, state, Epilogue::kNone).first;
}

at::Tensor Linear::operator()(const Pass& pass, const at::Tensor& x) const {
  return at::linear(x, pass.weights[weight], bias ? pass.weights[*bias] : at::Tensor{});
}

Initialisation kaimingNormalFanOut(int64_t out, int64_t kernel) {
  return {Kind::kNormal, std::sqrt(2.0 / static_cast<double>(out * kernel * kernel))};
}

Initialisation uniformFanIn(int64_t fanIn) {
  return {Kind::kUniform, 1.0 / std::sqrt(static_cast<double>(fanIn))};
}

Convolution planConvolution(NetworkPlan& plan, const std::string& name, int64_t in, int64_t out,
                            int64_t kernel, int64_t stride, int64_t padding, Initialisation init) {
  const size_t weight = plan.addParameter(name + ".weight", {out, in, kernel, kernel}, init, true);
  return {weight, stride, padding};
}

BatchNorm planBatchNorm(NetworkPlan& plan, const std::string& name, int64_t channels) {
  BatchNorm layer{};
  layer.weight = plan.addParameter(name + ".weight", {channels}, {Kind::kConstant, 1.0}, false);
  layer.bias = plan.addParameter(name + ".bias", {channels}, {Kind::kConstant, 0.0}, false);
  const auto [mean, variance, counters] = planPlainBatchNorm(plan, name, channels);
  layer.runningMean = mean;
  layer.runningVar = variance;
  layer.counters = counters;
  return layer;
}

PlainBatchNorm planPlainBatchNorm(NetworkPlan& plan, const std::string& name, int64_t channels) {
  PlainBatchNorm layer{};
  layer.runningMean = plan.addBuffer(name + ".running_mean", {channels});
  layer.runningVar = plan.addBuffer(name + ".running_var", {channels});
  plan.addBatchesTracked(name + ".num_batches_tracked");
  layer.counters = plan.counters.size();
  plan.counters.push_back({name, {batchNormCounters(channels)}});
  return layer;
}

Linear planLinear(NetworkPlan& plan, const std::string& name, int64_t in, int64_t out, bool bias) {
  Linear layer{plan.addParameter(name + ".weight", {out, in}, uniformFanIn(in), true), {}};
  if (bias) layer.bias = plan.addParameter(name + ".bias", {out}, uniformFanIn(in), true);
  return layer;
}

}  // namespace moco
