#include "core/evaluate/linear_evaluation.h"

#include "core/base/error.h"
#include "core/model/statistics_guard.h"

namespace moco {
namespace {

/// Checks the statistics by themselves, because a finite loss does not vouch for them: a batch with
/// one value per channel has no variance, and makes the running one NaN.
void requireFinite(const NamedTensors& statistics) {
  if (at::isfinite(statistics.flat()).all().item<bool>()) return;
  throw Error("ERR_MOCO_NON_FINITE", "BatchNorm's running statistics are not finite",
              "Choose a batch size that leaves no batch of a single picture, or --frozen-bn; or "
              "check the model.");
}

}  // namespace

LinearEvaluation::LinearEvaluation(const Encoder& encoder, const TestView& view, int64_t classes,
                                   const LinearSettings& settings, uint64_t seed)
    : encoder_(encoder.withOwnStatistics()),
      backbone_(encoder_, view),
      mode_(settings.frozenBn ? Mode::kEvaluate : Mode::kTrain),
      classifier_(encoder.backboneDim(), classes, {settings.adam}, seed,
                  encoder.parameters().flat().options()) {}

LinearTally LinearEvaluation::step(const at::Tensor& input, const at::Tensor& labels) {
  StatisticsGuard statistics(encoder_);
  const auto features = backbone_.features(input, mode_);
  if (mode_ == Mode::kTrain) requireFinite(encoder_.statistics());
  const LinearTally tally = classifier_.step(features, labels).front();
  statistics.keep();
  return tally;
}

LinearMetrics LinearEvaluation::measure(const ImageStore& store, const std::atomic<bool>& stop) {
  LinearTally total;
  backbone_.eachChunk(store, stop, [&](const at::Tensor& features, const at::Tensor& labels) {
    total += classifier_.measure(features, labels).front();
  });
  return total.means();
}

StateDict LinearEvaluation::stateDict() const {
  StateDict state;
  append(state, "f.", section(encoder_.stateDict(), "f."));
  append(state, "fc.", {{"weight", classifier_.weight()[0]}, {"bias", classifier_.bias()[0]}});
  return state;
}

}  // namespace moco
