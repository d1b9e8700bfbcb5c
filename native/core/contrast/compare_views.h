#pragma once

#include <ATen/ATen.h>

#include "core/contrast/contrast_settings.h"
#include "core/contrast/encode_views.h"
#include "core/contrast/key_queue.h"
#include "core/contrast/loss.h"
#include "core/contrast/step_input.h"

namespace moco {

/// The mean of the loss, and of its accuracy, over all pairs of a student and another view that is
/// a teacher: with two views that are both, the symmetric loss (Chen et al., ICCV 2021, algorithm
/// 1); with many small students, multi-crop (Caron et al., NeurIPS 2020, section 3.2).
LossValue compareViews(const StepInput& batch, const EncodedViews& encoded, const Loss& loss,
                       const ContrastSettings& settings, const KeyQueue& queue,
                       const Peers& peers = {});

/// The keys (t · N · B, D) of the batch's t teachers, view by view, as they enter the queue.
at::Tensor keysForQueue(const StepInput& batch, const EncodedViews& encoded);

}  // namespace moco
