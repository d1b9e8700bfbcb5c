#pragma once

#include <ATen/ATen.h>

#include <atomic>
#include <cstdint>
#include <vector>

#include "core/evaluate/frozen_backbone.h"
#include "core/input/image_store.h"

namespace moco {

/// The pictures of a bank that are nearest to some queries.
struct NearestPictures {
  at::Tensor pictures;      // (Q, k) int64: their numbers in the bank, the nearest first
  at::Tensor similarities;  // (Q, k) fp32: cosine similarity of the features
};

/// Finds the nearest pictures by the cosine similarity of L2-normalised features in evaluation
/// mode.
/// @param bank     pictures to find
/// @param queries  numbers of pictures in `asked`
/// @param k        how many to find for each query, at most the size of the bank
/// @throws Error ERR_MOCO_CONFIG      if there is no such query, or k is larger than the bank
/// @throws Error ERR_MOCO_NON_FINITE  if features are not finite
/// @throws Error ERR_MOCO_ABORTED     soon after `stop` is set
NearestPictures nearestPictures(FrozenBackbone& backbone, const ImageStore& bank,
                                const ImageStore& asked, const std::vector<int64_t>& queries,
                                int64_t k, const std::atomic<bool>& stop);

}  // namespace moco
