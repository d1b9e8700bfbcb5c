#pragma once

#include <napi.h>

#include <vector>

#include "core/evaluate/knn_evaluation.h"
#include "core/evaluate/linear_sweep.h"

namespace moco::addon {

/// `NativeLinearMetrics`.
Napi::Object metricsObject(Napi::Env env, const LinearMetrics& metrics);
/// An array of `NativeKnnResult`.
Napi::Array knnArray(Napi::Env env, const std::vector<KnnResult>& results);
/// An array of `NativeSweepResult`.
Napi::Array sweepArray(Napi::Env env, const std::vector<SweepResult>& results);

}  // namespace moco::addon
