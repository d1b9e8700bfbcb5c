#pragma once

#include "core/contrast/comparison.h"

namespace moco {

/// Similarity contrastive estimation (Denize et al., WACV 2023, L_SCE): cross-entropy of InfoNCE's
/// probabilities with the target λ · one-hot of the own key + (1 − λ) · softmax(k·k⁻ / τ_m), so
/// that pictures which the key resembles are not pushed away in full.
/// @param temperature         τ, of the queries
/// @param teacherTemperature  τ_m, of the keys
/// @param targetShare         λ; 1 makes it InfoNCE
LossValue sce(const Comparison& comparison, double temperature, double teacherTemperature,
              double targetShare);

}  // namespace moco
