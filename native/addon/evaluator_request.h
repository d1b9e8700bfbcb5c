#pragma once

#include <napi.h>

#include <cstdint>
#include <optional>

#include "addon/pictures.h"
#include "core/files/tensor_file.h"
#include "core/run/evaluator.h"

namespace moco::addon {

/// What `createEvaluator` was given. Pictures and model are not read yet: that is the evaluator's
/// thread's work.
struct EvaluatorRequest {
  PicturesView train;
  PicturesView test;
  std::optional<PicturesView> validation;
  int64_t classes;
  TensorSource model;
  EvaluatorOptions options;  // all but the stores
};

/// @throws Napi::Error  where a property is missing or of another type
EvaluatorRequest evaluatorRequest(const Napi::Object& options);

/// The arrays that a request points into, to be kept from collection.
Napi::Array arraysOf(const Napi::Object& evaluatorOptions);

/// Copies the pictures into stores and makes the options whole. Runs on any thread.
EvaluatorOptions withStores(EvaluatorRequest request);

/// `NativeLinearOptions`.
LinearOptions linearOptions(const Napi::Object& options);
/// `NativeSweepOptions`.
SweepOptions sweepOptions(const Napi::Object& options);

}  // namespace moco::addon
