#include "core/model/statistics_guard.h"

#include <ATen/core/grad_mode.h>

namespace moco {

StatisticsGuard::StatisticsGuard(Encoder& encoder)
    : encoder_(encoder),
      before_(encoder.statistics().flat().clone()),
      batches_(encoder.batchesTracked()) {}

StatisticsGuard::~StatisticsGuard() {
  if (keep_) return;
  const at::NoGradGuard noGrad;
  encoder_.setBatchesTracked(batches_);
  try {
    encoder_.statistics().flat().copy_(before_);
  } catch (const c10::Error&) {  // NOLINT(bugprone-empty-catch)
    // The device has failed and its memory is lost. The exception that says so is already on its
    // way to the caller.
  }
}

}  // namespace moco
