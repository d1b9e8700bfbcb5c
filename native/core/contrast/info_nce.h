#pragma once

#include <ATen/ATen.h>

namespace moco {

/// What the loss function returns for a batch.
struct InfoNce {
  at::Tensor loss;      // scalar, differentiable by the queries
  at::Tensor accuracy;  // scalar: share of queries whose own key scores highest
};

/// Contrastive loss of MoCo (He et al., CVPR 2020, eq. 1): cross-entropy of the logits
/// [q·k⁺ | q·queueᵀ] / temperature with the positive as the class, mean over the batch.
/// @param queries  (B, D), L2-normalised
/// @param keys     (B, D), L2-normalised, the positives
/// @param queue    (m, D), L2-normalised, the negatives
InfoNce infoNce(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& queue,
                double temperature);

}  // namespace moco
