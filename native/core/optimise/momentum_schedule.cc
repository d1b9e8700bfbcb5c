#include "core/optimise/momentum_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/base/error.h"

namespace moco {

double momentumAt(const std::string& schedule, double momentum, int64_t step, int64_t steps) {
  if (schedule == "constant") return momentum;
  if (schedule != "cosine") {
    throw Error("ERR_MOCO_CONFIG", "momentumSchedule: there is no \"" + schedule + "\"",
                "Choose constant or cosine.");
  }
  const double progress = static_cast<double>(std::min(step, steps)) / static_cast<double>(steps);
  return 1 - (1 - momentum) * (std::cos(std::numbers::pi * progress) + 1) / 2;
}

}  // namespace moco
