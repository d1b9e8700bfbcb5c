#pragma once

#include <cstdint>

#include "core/input/view_parameters.h"

namespace moco {

/// Makes the view that `view` describes, as the reference's transform does up to the normalisation,
/// and replaces every byte by its entry in a table, such as the byte normalised.
/// @param picture        interleaved (R, G, B, R, …), rows without gaps
/// @param pictureWidth   in pixels; the view's crop lies inside the picture
/// @param height, width  of the view
/// @param table          3 × 256 entries: a row for each channel
/// @param target         height × width × 3 entries
/// @tparam Entry         float, uint16_t for the bits of a bf16, or uint8_t
template <class Entry>
void applyView(const uint8_t* picture, int64_t pictureWidth, const ViewParameters& view,
               int64_t height, int64_t width, const Entry* table, Entry* target);

}  // namespace moco
