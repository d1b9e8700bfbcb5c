#pragma once

#include <cstdint>

#include "core/input/image_store.h"

namespace moco {

/// Makes training views of the store's pictures, one after the other, on the calling thread, with
/// draws as in training: crop always, flip, colour jitter and greyscale with their probabilities.
/// @param views  how many; a few thousand, for the mean over the draws to settle
/// @return       seconds of wall-clock time per view, the mean
double secondsPerView(const ImageStore& store, int64_t views, uint64_t seed);

}  // namespace moco
