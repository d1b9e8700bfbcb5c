#pragma once

#include <napi.h>

#include "addon/worker_object.h"
#include "core/run/trainer.h"

namespace moco::addon {

/// `NativeTrainer` of src/native/trainer.ts: a `Trainer` on a thread of its own.
class TrainerObject : public WorkerObject<TrainerObject, Trainer> {
 public:
  static constexpr const char* kName = "NativeTrainer";
  static Properties methods();

  /// `createTrainer(config, dataset, beginning, group)` of src/native/addon.ts.
  static Napi::Value create(const Napi::CallbackInfo& info);

  using WorkerObject::WorkerObject;

 private:
  Napi::Value trainEpoch(const Napi::CallbackInfo& info);
  Napi::Value evaluate(const Napi::CallbackInfo& info);
  Napi::Value snapshot(const Napi::CallbackInfo& info);
  Napi::Value takeWarnings(const Napi::CallbackInfo& info);
  Napi::Value memory(const Napi::CallbackInfo& info);
};

}  // namespace moco::addon
