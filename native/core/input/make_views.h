#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "core/input/image_store.h"
#include "core/input/view_parameters.h"

namespace moco {

/// A place for a batch of views in memory for as large ones or larger ones.
/// @param memory  contiguous, of at least count · size² · 3 elements
/// @return        (count, 3, size, size), channels last, without a copy
at::Tensor placeForViews(const at::Tensor& memory, int64_t count, int64_t size);

/// A table of what `normalise` makes of each byte in each channel.
/// @return  (3, 256) of `dtype`, on the CPU
at::Tensor normalisedBytes(const Normalisation& normalisation, at::ScalarType dtype);

/// A table that replaces every byte by itself.
/// @return  (3, 256) uint8
at::Tensor bytesThemselves(const at::Device& device);

/// The views of one number of all pictures in an epoch.
struct ViewsOfEpoch {
  uint64_t seed;
  uint32_t epoch;
  int64_t view;  // its number, from 0
  ViewTransform transform = {};
};

/// Draws one view of each of some pictures, in the form that `makeViews` takes: each draw is the
/// bytes of a `ViewParameters`.
/// @param pictures       (B) int64, on the CPU: their numbers in the store
/// @param height, width  of the pictures
/// @return               (B, sizeof(ViewParameters)) uint8, on the CPU
at::Tensor drawViews(const ViewsOfEpoch& which, const at::Tensor& pictures, int64_t height,
                     int64_t width);
/// The draws in such a tensor.
ViewParameters* drawsIn(const at::Tensor& draws);

/// Makes one normalised view of each of some pictures, as `applyView` does. On a GPU kernels do it,
/// which are started on the current stream; on the CPU the calling thread does it. All tensors must
/// be on one device.
/// @param pixels     (N, H, W, 3) uint8, contiguous: a store's pictures
/// @param pictures   (B) int64, contiguous: the numbers of the pictures to make views of
/// @param draws      (B, …), contiguous, from `drawViews`: the parameters of each view
/// @param table      from `normalisedBytes`, contiguous
/// @param input      (B, 3, h, w), channels last, of the table's type (fp32, bf16 or uint8): the
///                   result, whose size is that of the views
/// @param transform  what the parameters were drawn from
void makeViews(const at::Tensor& pixels, const at::Tensor& pictures, const at::Tensor& draws,
               const at::Tensor& table, const at::Tensor& input,
               const ViewTransform& transform = {});

}  // namespace moco
