#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "core/input/view_parameters.h"

namespace moco::cuda {

/// Pictures in GPU memory: N × height × width × 3 bytes, of fewer than 2³¹ pixels each.
struct Pictures {
  const uint8_t* pixels;
  int32_t height, width;
};

/// The size of a view, of fewer than 2³¹ pixels.
struct Size {
  int32_t height, width;
};

/// Makes one view of each of `count` pictures, byte for byte as `applyView` does up to its blur,
/// and replaces every byte by its entry in a table, such as the byte normalised. All pointers are
/// to GPU memory. Returns without waiting for the kernel.
/// @param which   `count` numbers of pictures
/// @param views   the parameters of each view
/// @param table   3 × 256 entries: a row for each channel
/// @param size    of the views
/// @param bicubic whether crops are resized by cubic convolution, as all parameters say
/// @param target  count × height × width × 3 entries
/// @tparam Entry  float, uint16_t for the bits of a bf16, or uint8_t
/// @throws std::runtime_error  if the kernel cannot be started
template <class Entry>
void makeViews(const Pictures& pictures, const int64_t* which, const ViewParameters* views,
               int64_t count, const Size& size, bool bicubic, const Entry* table, Entry* target,
               cudaStream_t stream);

/// Finishes views as `applyView` does: blurs and solarises those whose parameters say so, and
/// replaces every byte by its entry in a table.
/// @param bytes    the views, of count × height × width × 3 bytes, as `makeViews` makes them with a
///                 table of the bytes themselves; they are overwritten
/// @param scratch  memory for as many
/// @param others   as for `makeViews`
template <class Entry>
void finishViews(uint8_t* bytes, uint8_t* scratch, const ViewParameters* views, int64_t count,
                 const Size& size, const Entry* table, Entry* target, cudaStream_t stream);

}  // namespace moco::cuda
