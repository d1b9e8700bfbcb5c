#pragma once

#include <cstdint>

#include "core/input/image_store.h"

namespace moco {

/// Times the making of training views on the calling thread. Views are drawn as in training: every
/// one has a crop; flip, colour jitter and greyscale come with their probabilities.
/// @param views  how many to make, from one picture after the other; it takes a few thousand for
///               the mean to settle
/// @param imageSize  height and width of the views
/// @return       seconds of wall-clock time per view, the mean
double secondsPerView(const ImageStore& store, int64_t imageSize, int64_t views, uint64_t seed);

}  // namespace moco
