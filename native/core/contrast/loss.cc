#include "core/contrast/loss.h"

#include "core/base/error.h"
#include "core/contrast/cosine.h"
#include "core/contrast/dcl.h"
#include "core/contrast/info_nce.h"
#include "core/contrast/nnclr.h"
#include "core/contrast/ressl.h"
#include "core/contrast/sce.h"

namespace moco {
namespace {

Loss lossNamed(const ContrastSettings& s, const KeyQueue& queue) {
  if (s.loss == "info-nce") return [s](const auto& c) { return infoNce(c, s.temperature); };
  if (s.loss == "dcl") return [s](const auto& c) { return dcl(c, s.temperature); };
  if (s.loss == "dclw") {
    return [s](const auto& c) { return dclw(c, s.temperature, s.weightSigma); };
  }
  if (s.loss == "sce") {
    return
        [s](const auto& c) { return sce(c, s.temperature, s.teacherTemperature, s.targetShare); };
  }
  if (s.loss == "ressl") {
    return [s](const auto& c) { return ressl(c, s.temperature, s.teacherTemperature); };
  }
  if (s.loss == "nnclr") {
    return [s, &queue](const auto& c) { return nnclr(c, queue.keys(), s.temperature); };
  }
  if (s.loss == "cosine") return [](const auto& c) { return cosine(c); };
  throw Error("ERR_MOCO_CONFIG", "loss: there is no \"" + s.loss + "\"",
              "Choose info-nce, dcl, dclw, sce, ressl, nnclr or cosine.");
}

}  // namespace

Loss lossOf(const ContrastSettings& settings, const KeyQueue& queue) {
  Loss loss = lossNamed(settings, queue);
  if (settings.lossScale == "none") return loss;
  if (settings.lossScale != "2T") {
    throw Error("ERR_MOCO_CONFIG", "lossScale: there is no \"" + settings.lossScale + "\"",
                "Choose none or 2T.");
  }
  return [loss, scale = 2 * settings.temperature](const Comparison& comparison) {
    const LossValue value = loss(comparison);
    return LossValue{value.loss * scale, value.accuracy};
  };
}

}  // namespace moco
