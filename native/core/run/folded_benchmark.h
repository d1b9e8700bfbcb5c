#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "core/model/encoder.h"
#include "core/model/folded_backbone.h"

namespace moco {

/// How long a folded backbone takes with its fused kernels and with plain ones.
struct FoldedTimes {
  int64_t pictures;     // that a call computes
  double fused, plain;  // seconds of the fastest call
  std::vector<Fallback> fallbacks;
};

/// Times an encoder's backbone on random pictures, after a call for warm-up: the fused and the
/// plain kernels in turn, for at least `least` seconds. No CUDA graph is recorded.
/// @param side  height and width of a picture
/// @throws Error ERR_MOCO_ABORTED  soon after `stop` is set
FoldedTimes timeFolded(const Encoder& encoder, int64_t pictures, int64_t side, double least,
                       const std::atomic<bool>& stop);

}  // namespace moco
