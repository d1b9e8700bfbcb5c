#include "core/contrast/momentum_encoder.h"

#include <ATen/core/grad_mode.h>

#include <string>

#include "core/base/error.h"

namespace moco {
namespace {

/// What a tensor of a network that has more layers at its end has of the first ones.
at::Tensor beginningOf(const at::Tensor& flat, const at::Tensor& like) {
  return flat.narrow(0, 0, like.size(0));
}

/// The key encoder's, which has no predictor.
EncoderOptions withoutPredictor(EncoderOptions options) {
  options.settings.predictorLayers = 0;
  return options;
}

/// Pictures in another order, which stay channels last, because they are selected as (B, H, W, 3).
at::Tensor inOrder(const at::Tensor& pictures, const at::Tensor& order) {
  return pictures.permute({0, 2, 3, 1}).index_select(0, order).permute({0, 3, 1, 2});
}

bool isBefore(const std::string& momentumUpdate) {
  if (momentumUpdate == "before") return true;
  if (momentumUpdate == "after") return false;
  throw Error("ERR_MOCO_CONFIG", "momentumUpdate: there is no \"" + momentumUpdate + "\"",
              "Choose after or before.");
}

}  // namespace

MomentumEncoder::MomentumEncoder(const EncoderOptions& options, const ContrastSettings& settings,
                                 const Encoder& query)
    : encoder_(withoutPredictor(options)), followsFirst_(isBefore(settings.momentumUpdate)) {
  if (settings.keyStatistics == "own") {
    statistics_ = Statistics::kOwn;
  } else if (settings.keyStatistics == "copied") {
    statistics_ = Statistics::kCopied;
  } else if (settings.keyStatistics == "averaged") {
    statistics_ = Statistics::kAveraged;
  } else {
    throw Error("ERR_MOCO_CONFIG", "keyStatistics: there is no \"" + settings.keyStatistics + "\"",
                "Choose own, copied or averaged.");
  }
  encoder_.copyParametersFrom(query);  // f_k.params = f_q.params
}

at::Tensor MomentumEncoder::encode(const View& view, const at::Tensor& order, const Peers& peers) {
  const at::NoGradGuard noGrad;
  const auto& pictures = view.forKeys.defined() ? view.forKeys
                         : order.defined()      ? inOrder(view.pictures, order)
                                                : view.pictures;
  const auto projections =
      encoder_.project(encoder_.backbone(pictures, Mode::kTrain), Mode::kTrain);
  auto keys = peers.gather(projections);
  if (!order.defined()) return keys;
  return at::empty_like(keys).index_copy_(0, order, keys);
}

void MomentumEncoder::follow(const Encoder& query, double momentum) {
  const at::NoGradGuard noGrad;
  const auto& own = encoder_.parameters().flat();
  own.lerp_(beginningOf(query.parameters().flat(), own), 1.0 - momentum);
  encoder_.refreshWeights();
}

void MomentumEncoder::followStatistics(const Encoder& query, double momentum) {
  if (statistics_ == Statistics::kOwn) return;
  const at::NoGradGuard noGrad;
  const auto& own = encoder_.statistics().flat();
  const auto ofQuery = beginningOf(query.statistics().flat(), own);
  if (statistics_ == Statistics::kCopied) {
    own.copy_(ofQuery);
  } else {
    own.lerp_(ofQuery, 1.0 - momentum);
  }
  encoder_.setBatchesTracked(query.batchesTracked());
}

MomentumEncoder::Guard::Guard(MomentumEncoder& momentumEncoder) : of_(momentumEncoder) {
  statistics_.emplace(of_.encoder_);
  if (of_.followsFirst_) parameters_ = of_.encoder_.parameters().flat().clone();
}

MomentumEncoder::Guard::~Guard() {
  if (!parameters_.defined()) return;
  const at::NoGradGuard noGrad;
  try {
    of_.encoder_.parameters().flat().copy_(parameters_);
    of_.encoder_.refreshWeights();
  } catch (const c10::Error&) {  // NOLINT(bugprone-empty-catch)
    // As in StatisticsGuard: the device has failed, and the exception that says so is on its way.
  }
}

void MomentumEncoder::Guard::keep() {
  if (of_.statistics_ == Statistics::kOwn) statistics_->keep();
  statistics_.reset();
  parameters_.reset();
}

}  // namespace moco
