#pragma once

#include <functional>

#include "core/contrast/comparison.h"
#include "core/contrast/contrast_settings.h"
#include "core/contrast/key_queue.h"

namespace moco {

/// A loss with its settings. Each has a file of its own.
using Loss = std::function<LossValue(const Comparison&)>;

/// The loss that the settings name: info-nce, dcl, dclw, sce, ressl, nnclr or cosine. With the
/// `lossScale` 2T it is multiplied by twice the temperature, which keeps its gradient of the same
/// size at all temperatures (Chen et al., ICCV 2021, algorithm 1).
/// @param queue  in which nnclr finds neighbours; must outlive the loss
/// @throws Error ERR_MOCO_CONFIG  for another name
Loss lossOf(const ContrastSettings& settings, const KeyQueue& queue);

}  // namespace moco
