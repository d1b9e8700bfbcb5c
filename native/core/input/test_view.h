#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "core/input/image_store.h"

namespace moco {

/// What an encoder that is evaluated sees of a picture: the centred square of a share of the
/// picture's shorter side, resized as Pillow does it, and normalised.
struct TestView {
  Normalisation normalisation;
  int64_t imageSize;     // height and width of the view
  double cropShare = 1;  // side of the square, as a share of the picture's shorter side
};

/// The test views of pictures, not normalised. On a GPU our kernels make them, or else the CPU
/// does, on all of its threads. Where nothing is to be resized, they are a part of the pictures'
/// memory.
/// @param pictures  (B, H, W, 3) uint8, contiguous
/// @return          (B, imageSize, imageSize, 3) uint8, on the pictures' device
at::Tensor testViews(const at::Tensor& pictures, const TestView& view);

}  // namespace moco
