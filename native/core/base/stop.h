#pragma once

#include "core/base/error.h"

namespace moco {

/// Called between the parts of an evaluation, which ends here if it was asked to stop.
/// @throws Error ERR_MOCO_ABORTED  if `stop` is set
inline void requireNotStopped(bool stop) {
  if (stop) throw Error("ERR_MOCO_ABORTED", "the evaluation was stopped", "Start it again.");
}

}  // namespace moco
