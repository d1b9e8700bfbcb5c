#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace moco {

/// The order in which the key encoder gets a batch's pictures, drawn anew for each batch (He et
/// al., CVPR 2020, section 3.3, "Shuffling BN"): (B) int64, on the CPU.
/// @param batch  its number in the epoch, from 1
at::Tensor keyOrder(uint64_t seed, int64_t epoch, int64_t batch, int64_t batchSize);

}  // namespace moco
