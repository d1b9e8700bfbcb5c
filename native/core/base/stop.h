#pragma once

#include <atomic>

#include "core/base/error.h"

namespace moco {

/// @throws Error ERR_MOCO_ABORTED  where `stop` is set
inline void requireNotStopped(const std::atomic<bool>& stop) {
  if (stop) throw Error("ERR_MOCO_ABORTED", "the evaluation was stopped", "Start it again.");
}

}  // namespace moco
