#pragma once

#include <ATen/ATen.h>

#include "core/input/image_store.h"

namespace moco {

/// The numbers of the pictures in a store that have a label: (n) int64, on the CPU.
at::Tensor labelledPictures(const ImageStore& store);

}  // namespace moco
