#pragma once

#include "core/ops/fused_tiles_kernels.h"

namespace moco {

/// While one lives, its thread may multiply in the tiles of AMX, and must not call oneDNN. Only
/// where kernels::fused_tiles::kernels() is not null.
class TilesInUse {
 public:
  TilesInUse() { kernels::fused_tiles::kernels()->setUp(); }
  ~TilesInUse() { kernels::fused_tiles::kernels()->release(); }
  TilesInUse(const TilesInUse&) = delete;
  TilesInUse& operator=(const TilesInUse&) = delete;
};

}  // namespace moco
