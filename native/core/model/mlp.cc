#include "core/model/mlp.h"

#include "core/base/error.h"

namespace moco {
namespace {

/// Whether there is a last BatchNorm.
bool hasLastNorm(const std::string& lastBatchNorm) {
  if (lastBatchNorm == "none") return false;
  if (lastBatchNorm == "affine" || lastBatchNorm == "plain") return true;
  throw Error("ERR_MOCO_CONFIG", "last BatchNorm: there is no \"" + lastBatchNorm + "\"",
              "Choose none, affine or plain.");
}

}  // namespace

Mlp::Mlp(const std::string& name, int64_t in, int64_t out, const MlpSettings& settings,
         NetworkPlan& plan) {
  int64_t number = 0;  // of the next module
  const auto next = [&] { return name + "." + std::to_string(number++); };
  int64_t width = in;
  for (int64_t layer = 1; layer < settings.layers; ++layer) {
    Hidden hidden{planLinear(plan, next(), width, settings.hiddenDim, !settings.batchNorm), {}};
    if (settings.batchNorm) hidden.norm = planBatchNorm(plan, next(), settings.hiddenDim);
    hidden_.push_back(hidden);
    ++number;  // the ReLU
    width = settings.hiddenDim;
  }
  if (settings.layers == 0) return;
  const bool isNormed = hasLastNorm(settings.lastBatchNorm);
  output_ = planLinear(plan, next(), width, out, !isNormed);
  if (settings.lastBatchNorm == "affine") lastNorm_ = planBatchNorm(plan, next(), out);
  if (settings.lastBatchNorm == "plain") plainNorm_ = planPlainBatchNorm(plan, next(), out);
}

at::Tensor Mlp::operator()(const Pass& pass, const at::Tensor& x) const {
  at::Tensor y = x;
  for (const auto& [linear, norm] : hidden_) {
    y = linear(pass, y);
    y = norm ? norm->relu(pass, y) : y.relu();
  }
  if (output_) y = (*output_)(pass, y);
  if (lastNorm_) return (*lastNorm_)(pass, y);
  if (plainNorm_) return (*plainNorm_)(pass, y);
  return y;
}

}  // namespace moco
