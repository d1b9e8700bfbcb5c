#include "core/model/encoder.h"

#include <ATen/core/grad_mode.h>
#include <c10/util/accumulate.h>

#include <map>
#include <sstream>
#include <utility>

#include "core/base/error.h"
#include "core/base/random.h"
#include "core/ops/normalise_rows.h"

namespace moco {
namespace {

void fill(const at::Tensor& parameter, const Initialisation& init, at::Generator& generator) {
  switch (init.kind) {
    case Initialisation::Kind::kConstant:
      parameter.fill_(init.scale);
      return;
    case Initialisation::Kind::kUniform:
      parameter.copy_(
          at::empty(parameter.sizes(), at::kFloat).uniform_(-init.scale, init.scale, generator));
      return;
    case Initialisation::Kind::kNormal:
      parameter.copy_(at::empty(parameter.sizes(), at::kFloat).normal_(0, init.scale, generator));
      return;
  }
}

bool endsWith(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// Refuses projections that are the features and have another length.
void requireLength(const EncoderSettings& settings, int64_t length) {
  if (settings.featureDim == 0 || settings.headLayers > 0 || settings.featureDim == length) return;
  throw Error("ERR_MOCO_CONFIG",
              "featureDim: " + std::to_string(settings.featureDim) +
                  ", but without a projection head a projection has the feature's length, " +
                  std::to_string(length),
              "Give that, or a projection head.");
}

std::optional<Mlp> planMlp(const char* name, int64_t in, int64_t out, const MlpSettings& settings,
                           NetworkPlan& plan) {
  if (out == 0 || settings.layers == 0) return {};
  return Mlp(name, in, out, settings, plan);
}

}  // namespace

BackboneSettings EncoderSettings::backbone() const {
  return {.arch = arch, .stem = stemNamed(stem), .width = width, .zeroInit = zeroInit};
}

MlpSettings EncoderSettings::head() const {
  return {headLayers, headHiddenDim, headBatchNorm, headLastBatchNorm};
}

MlpSettings EncoderSettings::predictor() const {
  return {predictorLayers, predictorHiddenDim, predictorBatchNorm, predictorLastBatchNorm};
}

EncoderLayers::EncoderLayers(const EncoderSettings& settings, NetworkPlan& plan)
    : backbone(settings.backbone(), plan),
      head(planMlp("g", backbone.featureDim(), settings.featureDim, settings.head(), plan)),
      predictor(
          planMlp("h", settings.featureDim, settings.featureDim, settings.predictor(), plan)) {
  requireLength(settings, backbone.featureDim());
}

std::vector<TensorSpec> encoderLayout(const EncoderSettings& settings) {
  NetworkPlan plan;
  const EncoderLayers layers(settings, plan);
  return plan.layout();
}

Encoder::Encoder(const EncoderOptions& options)
    : options_(options),
      layers_(options.settings, plan_),
      parameters_(plan_.parameters, at::device(options.device).dtype(options.master)),
      statistics_(plan_.buffers, at::device(options.device).dtype(options.master)),
      counters_(plan_.counters, at::device(options.device).dtype(at::kInt)) {
  const bool copies = options.compute != options.master;
  if (copies) computeCopies_ = parameters_.zerosLike(options.compute);
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const auto& source = copies && plan_.lowPrecision[i] ? (*computeCopies_)[i] : parameters_[i];
    weights_.push_back(source.detach().requires_grad_());
  }
  resetStatistics();
}

Encoder Encoder::withOwnStatistics() const {
  const at::NoGradGuard noGrad;
  Encoder copy = *this;
  copy.statistics_ = statistics_.zerosLike(options_.master);
  copy.statistics_.flat().copy_(statistics_.flat());
  copy.counters_ = counters_.zerosLike(at::kInt);
  return copy;
}

void Encoder::initialise(uint64_t seed) {
  const at::NoGradGuard noGrad;
  auto generator = torchGenerator(seed, Purpose::kWeights);
  for (size_t i = 0; i < parameters_.size(); ++i) {
    fill(parameters_[i], plan_.initialisations[i], generator);
  }
  resetStatistics();
  refreshWeights();
}

void Encoder::resetStatistics() {
  const at::NoGradGuard noGrad;
  for (size_t i = 0; i < statistics_.size(); ++i) {
    statistics_[i].fill_(endsWith(statistics_.name(i), "running_var") ? 1 : 0);
  }
  batchesTracked_ = 0;
}

void Encoder::copyParametersFrom(const Encoder& other) {
  const at::NoGradGuard noGrad;
  const auto& own = parameters_.flat();
  own.copy_(other.parameters_.flat().narrow(0, 0, own.size(0)));
  refreshWeights();
}

void Encoder::refreshWeights() {
  const at::NoGradGuard noGrad;
  if (computeCopies_) computeCopies_->flat().copy_(parameters_.flat());
}

at::Tensor Encoder::backbone(const at::Tensor& pictures, Mode mode, int64_t batches) {
  if (mode == Mode::kTrain) ++batchesTracked_;
  return layers_.backbone(pass(mode, batches), pictures);
}

FoldedBackbone Encoder::foldedBackbone(std::optional<ConvolutionKernels> kernels) const {
  const auto fastest = fastestKernels(at::device(options_.device).dtype(options_.compute));
  return {layers_.backbone, masters(), options_.compute, kernels.value_or(fastest)};
}

at::Tensor Encoder::head(const at::Tensor& features, Mode mode, int64_t batches) {
  TORCH_CHECK(options_.settings.featureDim > 0, "the encoder has no projections");
  const auto projections = layers_.head ? (*layers_.head)(pass(mode, batches), features) : features;
  return projections.to(options_.master);
}

at::Tensor Encoder::project(const at::Tensor& features, Mode mode, int64_t batches) {
  return normaliseRows(head(features, mode, batches));
}

at::Tensor Encoder::predict(const at::Tensor& projections, Mode mode, int64_t batches) {
  TORCH_CHECK(layers_.predictor, "the encoder has no predictor");
  const auto predictions =
      (*layers_.predictor)(pass(mode, batches), projections.to(options_.compute));
  return normaliseRows(predictions.to(options_.master));
}

int64_t Encoder::firstPositions(int64_t imageSize) const {
  return layers_.backbone.layerSizes(plan_, imageSize, imageSize).front().positions;
}

MultiplyAdds Encoder::multiplyAdds(int64_t height, int64_t width) const {
  MultiplyAdds count{layers_.backbone.multiplyAdds(plan_, height, width), 0};
  for (const auto& [name, shape] : plan_.parameters) {
    const bool isLinear = shape.size() == 2;  // (out, in)
    if (isLinear) count.head += c10::multiply_integers(shape);
  }
  return count;
}

StateDict Encoder::stateDict() const {
  StateDict state;
  for (const auto& entry : plan_.state) {
    const bool counter = entry.kind == StateEntry::Kind::kBatchesTracked;
    state.emplace_back(entry.name,
                       counter ? at::scalar_tensor(batchesTracked_, at::kLong) : tensorOf(entry));
  }
  return state;
}

void Encoder::loadState(const StateDict& state) {
  const at::NoGradGuard noGrad;
  const StateLookup lookup(state);
  std::vector<std::pair<at::Tensor, at::Tensor>> copies;  // to, from
  int64_t batches = 0;
  for (const auto& entry : plan_.state) {
    if (entry.kind == StateEntry::Kind::kBatchesTracked) {
      batches = lookup.integer(entry.name).value_or(0);  // all layers of a model count the same
      continue;
    }
    const auto& tensor = tensorOf(entry);
    copies.emplace_back(tensor, lookup.get(entry.name, tensor.sizes()));
  }
  for (const auto& [to, from] : copies) to.copy_(from);
  batchesTracked_ = batches;
  refreshWeights();
}

void Encoder::loadPart(const StateDict& state) {
  StateDict whole = state;
  append(whole, "", stateDict());  // of two tensors of one name, `loadState` takes the first
  loadState(whole);
}

const at::Tensor& Encoder::tensorOf(const StateEntry& entry) const {
  const auto& tensors = entry.kind == StateEntry::Kind::kParameter ? parameters_ : statistics_;
  return tensors[entry.index];
}

}  // namespace moco
