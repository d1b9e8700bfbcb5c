#pragma once

#include <napi.h>

#include <optional>

#include "addon/description.h"
#include "addon/jobs.h"
#include "core/run/evaluator.h"

namespace moco::addon {

/// `NativeEvaluator` of src/native/addon.ts: an `Evaluator` on a thread of its own.
class EvaluatorObject : public Napi::ObjectWrap<EvaluatorObject> {
 public:
  static Napi::Function define(Napi::Env env);
  /// `createEvaluator(options)`.
  static Napi::Value create(const Napi::CallbackInfo& info);

  explicit EvaluatorObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value getDescription(const Napi::CallbackInfo& info);
  Napi::Value knn(const Napi::CallbackInfo& info);
  Napi::Value startLinear(const Napi::CallbackInfo& info);
  Napi::Value trainLinearEpoch(const Napi::CallbackInfo& info);
  Napi::Value measureLinear(const Napi::CallbackInfo& info);
  Napi::Value saveLinear(const Napi::CallbackInfo& info);
  Napi::Value sweepLinear(const Napi::CallbackInfo& info);
  void stop(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);

  std::optional<Evaluator> evaluator_;  // touched on its thread, or after that one was joined
  std::optional<Description> description_;
  Jobs jobs_;  // the last member: goes first, and the rest with it
};

}  // namespace moco::addon
