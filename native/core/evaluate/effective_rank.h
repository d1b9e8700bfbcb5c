#pragma once

#include <ATen/ATen.h>

namespace moco {

/// How many dimensions features use: exp(−Σ pₖ log pₖ) with pₖ = σₖ / Σσ + ε over the singular
/// values σ of the features, ε = 1e-7 (RankMe: Garrido et al., ICML 2023, eq. 1 and 2). From 1,
/// where all features are multiples of one vector, to min(N, C). Computed in fp64 on the CPU.
/// @param features  (N, C), not normalised
double effectiveRank(const at::Tensor& features);

}  // namespace moco
