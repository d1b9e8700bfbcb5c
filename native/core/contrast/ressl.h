#pragma once

#include "core/contrast/comparison.h"

namespace moco {

/// Relational loss of ReSSL (Zheng et al., NeurIPS 2021): the query is to be spread over the
/// negatives as its own key is: cross-entropy of softmax(q·k⁻ / τ) with softmax(k·k⁻ / τ_m).
/// @param temperature         τ, of the queries
/// @param teacherTemperature  τ_m, of the keys
LossValue ressl(const Comparison& comparison, double temperature, double teacherTemperature);

}  // namespace moco
