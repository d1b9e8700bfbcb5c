#pragma once

#include <cstdint>
#include <string>

namespace moco {

/// The key encoder's momentum at a step of a run. `constant`: as it is; `cosine`: from there to 1,
/// 1 − (1 − m) (cos(π t / T) + 1) / 2 (Grill et al., "Bootstrap Your Own Latent", NeurIPS 2020,
/// section 3.3).
/// @param step   t, from 0
/// @param steps  T, of the whole run
/// @throws Error ERR_MOCO_CONFIG  for a schedule that does not exist
double momentumAt(const std::string& schedule, double momentum, int64_t step, int64_t steps);

}  // namespace moco
