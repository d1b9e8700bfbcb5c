#pragma once

#include "core/contrast/comparison.h"

namespace moco {

/// Nearest-neighbour contrastive loss (Dwibedi et al., ICCV 2021, eq. 3): in place of a key stands
/// the one in the queue that is nearest to it, and the queries of the batch are told apart by it:
/// cross-entropy of [NN(k)·q₁ | NN(k)·q₂ …] / temperature with the own query as the class. The
/// accuracy is the share of neighbours to which the own query is nearest of the batch.
/// @param queue  (m, D), L2-normalised
LossValue nnclr(const Comparison& comparison, const at::Tensor& queue, double temperature);

}  // namespace moco
