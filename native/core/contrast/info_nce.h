#pragma once

#include "core/contrast/comparison.h"

namespace moco {

/// Contrastive loss of MoCo (He et al., CVPR 2020, eq. 1): cross-entropy of the logits
/// [q·k⁺ | q·k⁻ …] / temperature with the positive as the class, mean over the batch. With the
/// other pictures of the batch as negatives it is NT-Xent (Chen et al., ICML 2020, eq. 1).
LossValue infoNce(const Comparison& comparison, double temperature);

}  // namespace moco
