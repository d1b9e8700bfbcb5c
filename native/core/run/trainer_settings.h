#pragma once

#include <cstdint>

#include "core/base/optional_count.h"
#include "core/contrast/moco.h"
#include "core/device/machine.h"
#include "core/input/view_settings.h"
#include "core/model/encoder.h"
#include "core/optimise/optimiser_settings.h"

namespace moco {

/// All settings of a training run that the core reads.
struct TrainerSettings {
  EncoderSettings encoder;
  ContrastSettings contrast;
  OptimiserSettings optimiser;
  ViewSettings views = {};
  int64_t imageSize;            // height and width of what the encoder sees
  int64_t k;                    // neighbours that vote in the kNN evaluation
  double knnTemperature = 0.5;  // divides their similarities
  int64_t batchSize;
  int64_t epochs = 1;         // of the whole run
  OptionalCount steps = {};   // the same, where its last epoch is cut
  int64_t shuffleWindow = 0;  // pictures that are shuffled among themselves; 0: all
  uint64_t seed;
  ComputeSettings compute;

  /// Calls `visit(name, value)` for every setting.
  template <class Visit>
  void each(Visit&& visit) {
    encoder.each(visit);
    contrast.each(visit);
    optimiser.each(visit);
    views.each(visit);
    visit("imageSize", imageSize);
    visit("k", k);
    visit("knnTemperature", knnTemperature);
    visit("batchSize", batchSize);
    visit("epochs", epochs);
    visit("steps", steps);
    visit("shuffleWindow", shuffleWindow);
    visit("seed", seed);
    compute.each(visit);
  }
};

}  // namespace moco
