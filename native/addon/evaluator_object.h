#pragma once

#include <napi.h>

#include "addon/worker_object.h"
#include "core/run/evaluator.h"

namespace moco::addon {

/// `NativeEvaluator` of src/native/evaluator.ts: an `Evaluator` on a thread of its own.
class EvaluatorObject : public WorkerObject<EvaluatorObject, Evaluator> {
 public:
  static constexpr const char* kName = "NativeEvaluator";
  static Properties methods();

  /// `createEvaluator(config, dataset, model)` of src/native/addon.ts.
  static Napi::Value create(const Napi::CallbackInfo& info);

  using WorkerObject::WorkerObject;

 private:
  Napi::Value knn(const Napi::CallbackInfo& info);
  Napi::Value startLinear(const Napi::CallbackInfo& info);
  Napi::Value trainLinearEpoch(const Napi::CallbackInfo& info);
  Napi::Value measureLinear(const Napi::CallbackInfo& info);
  Napi::Value nearest(const Napi::CallbackInfo& info);
  Napi::Value saveLinear(const Napi::CallbackInfo& info);
  Napi::Value sweepLinear(const Napi::CallbackInfo& info);
  Napi::Value takeWarnings(const Napi::CallbackInfo& info);
};

}  // namespace moco::addon
