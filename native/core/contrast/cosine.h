#pragma once

#include "core/contrast/comparison.h"

namespace moco {

/// Loss of BYOL (Grill et al., NeurIPS 2020, eq. 2): 2 − 2 q·k⁺, mean over the batch. There are no
/// negatives, and keys have no gradient; that of shared encoders is stopped, as in SimSiam (Chen &
/// He, CVPR 2021). The accuracy is among the keys of the batch.
LossValue cosine(const Comparison& comparison);

}  // namespace moco
