#pragma once

#include <napi.h>

#include <vector>

#include "core/evaluate/knn_evaluation.h"
#include "core/evaluate/linear_sweep.h"
#include "core/evaluate/nearest_pictures.h"

namespace moco::addon {

/// A `NativeLinearMetrics` of src/native/evaluator.ts.
Napi::Object metricsObject(Napi::Env env, const LinearMetrics& metrics);
/// An array of `NativeKnnResult`, one for each temperature.
Napi::Array knnArray(Napi::Env env, const std::vector<KnnResult>& results);
/// An array of `NativeSweepResult`, one for each learning rate.
Napi::Array sweepArray(Napi::Env env, const std::vector<SweepResult>& results);

/// A `NativeNearest`.
Napi::Object nearestObject(Napi::Env env, const NearestPictures& found);

}  // namespace moco::addon
