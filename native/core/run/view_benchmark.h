#pragma once

#include <cstdint>

#include "core/input/image_store.h"
#include "core/input/view_parameters.h"

namespace moco {

/// Times the making of training views on the calling thread. Views are drawn as in training: every
/// one has a crop, and everything else comes with its probability.
/// @param views  how many to make, from one picture after the other; it takes a few thousand for
///               the mean to settle
/// @param imageSize  height and width of the views
/// @return       seconds of wall-clock time per view, the mean
double secondsPerView(const ImageStore& store, int64_t imageSize, int64_t views, uint64_t seed,
                      const ViewTransform& transform = {});

}  // namespace moco
