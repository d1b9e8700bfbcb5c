#pragma once

#include <cstdint>

#include "core/input/view_parameters.h"

namespace moco {

/// Makes the view that `view` describes, as the reference's transform does up to the normalisation.
/// @param picture  height × width × 3 bytes
/// @param target   height × width × 3 bytes
void applyView(const uint8_t* picture, int64_t height, int64_t width, const ViewParameters& view,
               uint8_t* target);

}  // namespace moco
