#pragma once

#include "core/contrast/comparison.h"
#include "core/contrast/contrast_settings.h"
#include "core/contrast/key_queue.h"

namespace moco {

/// What the queries of a batch are to be unlike, by the setting `negatives`:
/// - `queue`: all keys in the queue; those of the query's own picture are left out where the queue
///   keeps the numbers of pictures
/// - `batch`: vectors of the batch's other pictures
/// - `both`: those of the queue, and then those of the batch
/// @param batch     (v · N · B, D): vectors of v views of the batch's pictures, view by view
/// @param pictures  (N · B) int64: the numbers of the pictures, each another
/// @param peers     that share the batch; the queries are those of this process's pictures
/// @throws Error ERR_MOCO_CONFIG  for another name
Negatives negativesOf(const ContrastSettings& settings, const KeyQueue& queue,
                      const at::Tensor& batch, const at::Tensor& pictures, const Peers& peers = {});

}  // namespace moco
