#pragma once

#include "core/contrast/comparison.h"

namespace moco {

/// How the keys are spread over the negatives: softmax(k·k⁻ / temperature), (B, n), without
/// gradient.
at::Tensor softTargets(const Comparison& comparison, double temperature);

/// Cross-entropy (B) of the negatives' logarithmic probabilities with soft targets.
/// @param logProbabilities  (B, n), minus infinity for negatives that are left out
at::Tensor softCrossEntropy(const Comparison& comparison, const at::Tensor& logProbabilities,
                            const at::Tensor& targets);

}  // namespace moco
