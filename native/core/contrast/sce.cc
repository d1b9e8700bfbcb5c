#include "core/contrast/sce.h"

#include "core/contrast/soft_targets.h"

namespace moco {

LossValue sce(const Comparison& comparison, double temperature, double teacherTemperature,
              double targetShare) {
  const auto logits = comparison.similarities() / temperature;
  const auto logProbabilities = logits.log_softmax(1);
  const auto ofOwn = -logProbabilities.select(1, 0);
  const auto ofOthers =
      softCrossEntropy(comparison, logProbabilities.narrow(1, 1, logits.size(1) - 1),
                       softTargets(comparison, teacherTemperature));
  const auto loss = targetShare * ofOwn + (1 - targetShare) * ofOthers;
  return {loss.mean(), shareHighest(logits, 0)};
}

}  // namespace moco
