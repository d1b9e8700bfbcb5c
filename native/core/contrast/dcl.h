#pragma once

#include "core/contrast/comparison.h"

namespace moco {

/// Decoupled contrastive loss (Yeh et al., ECCV 2022, eq. 6): −q·k⁺/τ + log Σ exp(q·k⁻/τ). The
/// positive is left out of the sum, so that an easy one does not weaken the gradient of the
/// negatives.
LossValue dcl(const Comparison& comparison, double temperature);

/// The same with the weight 2 − B · softmax(q·k⁺/σ) before the first term (ibid., DCLW), which lets
/// positives count more that are far from each other. The weight is not differentiated.
LossValue dclw(const Comparison& comparison, double temperature, double sigma);

}  // namespace moco
