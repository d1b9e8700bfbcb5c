#include "core/contrast/ressl.h"

#include "core/contrast/soft_targets.h"

namespace moco {

LossValue ressl(const Comparison& comparison, double temperature, double teacherTemperature) {
  const auto similarities = comparison.similarities();
  const auto toNegatives = similarities.narrow(1, 1, similarities.size(1) - 1);
  const auto loss = softCrossEntropy(comparison, (toNegatives / temperature).log_softmax(1),
                                     softTargets(comparison, teacherTemperature));
  return {loss.mean(), shareHighest(similarities, 0)};
}

}  // namespace moco
