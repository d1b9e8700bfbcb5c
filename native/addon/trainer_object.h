#pragma once

#include <napi.h>

#include <cstdint>
#include <optional>

#include "addon/description.h"
#include "addon/jobs.h"
#include "core/run/trainer.h"

namespace moco::addon {

/// `NativeTrainer` of src/native/addon.ts: a `Trainer` on a thread of its own.
class TrainerObject : public Napi::ObjectWrap<TrainerObject> {
 public:
  static Napi::Function define(Napi::Env env);
  /// `createTrainer(options)`.
  static Napi::Value create(const Napi::CallbackInfo& info);

  explicit TrainerObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value getDescription(const Napi::CallbackInfo& info);
  Napi::Value trainEpoch(const Napi::CallbackInfo& info);
  Napi::Value evaluate(const Napi::CallbackInfo& info);
  Napi::Value saveModel(const Napi::CallbackInfo& info);
  Napi::Value saveCheckpoint(const Napi::CallbackInfo& info);
  Napi::Value takeWarnings(const Napi::CallbackInfo& info);
  Napi::Value memory(const Napi::CallbackInfo& info);
  void stop(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);

  std::optional<Trainer> trainer_;  // touched on its thread, or after that one was joined
  std::optional<Description> description_;
  int64_t stepsPerEpoch_ = 0;
  at::Device device_ = at::kCPU;
  MemoryPlan memoryPlan_{};
  int64_t availableMemory_ = 0;
  Jobs jobs_;  // the last member: goes first, and the rest with it
};

}  // namespace moco::addon
