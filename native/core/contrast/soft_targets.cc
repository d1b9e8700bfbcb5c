#include "core/contrast/soft_targets.h"

namespace moco {

at::Tensor softTargets(const Comparison& comparison, double temperature) {
  return (comparison.toNegatives(comparison.ownKeys().detach()) / temperature).softmax(1).detach();
}

at::Tensor softCrossEntropy(const Comparison& comparison, const at::Tensor& logProbabilities,
                            const at::Tensor& targets) {
  // What is left out has a target of 0, and 0 times infinity would not be a number.
  const auto& isLeftOut = comparison.negatives.isLeftOut;
  const auto finite =
      isLeftOut.defined() ? logProbabilities.masked_fill(isLeftOut, 0) : logProbabilities;
  return -(targets * finite).sum(1);
}

}  // namespace moco
