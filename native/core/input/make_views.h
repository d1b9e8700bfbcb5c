#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "core/input/image_store.h"
#include "core/input/view_parameters.h"

namespace moco {

/// What the bytes of each channel become by `normalise`: (3, 256) of `dtype`, on the CPU.
at::Tensor normalisedBytes(const Normalisation& normalisation, at::ScalarType dtype);

/// Which views of an epoch: each picture's first ones, or each one's second.
struct ViewsOfEpoch {
  uint64_t seed;
  uint32_t epoch;
  int64_t view;  // 0 or 1
};

/// Room for the draws of `count` views, as `makeViews` takes them: (count, bytes of one) uint8.
at::Tensor emptyDraws(int64_t count);
/// The draws that lie there.
ViewParameters* drawsIn(const at::Tensor& draws);
/// Draws what is to be done with pictures of height × width.
/// @param pictures  (B) int64, on the CPU: their numbers in the store
at::Tensor drawViews(const ViewsOfEpoch& which, const at::Tensor& pictures, int64_t height,
                     int64_t width);

/// Makes one view each of some pictures, as `applyView` makes it, and normalises it. On a GPU that
/// is one kernel, started on the current stream; on the CPU it is done on the calling thread. All
/// tensors are on one device.
/// @param pixels    (N, H, W, 3) uint8, contiguous
/// @param pictures  (B) int64, contiguous: which of them
/// @param draws     (B, …), contiguous, from `drawViews`: what to do with each
/// @param table     from `normalisedBytes`, contiguous
/// @param input     (B, 3, H, W), channels last, of the table's type, fp32 or bf16: the result
void makeViews(const at::Tensor& pixels, const at::Tensor& pictures, const at::Tensor& draws,
               const at::Tensor& table, const at::Tensor& input);

}  // namespace moco
