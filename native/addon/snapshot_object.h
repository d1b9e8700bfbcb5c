#pragma once

#include <napi.h>

#include <optional>

#include "addon/jobs.h"
#include "core/run/snapshot.h"

namespace moco::addon {

/// `NativeSnapshot` of src/native/trainer.ts: a `Snapshot`, which is written to files and freed on
/// a thread of its own.
class SnapshotObject : public Napi::ObjectWrap<SnapshotObject> {
 public:
  static constexpr const char* kName = "NativeSnapshot";
  /// Defines the class in an environment, which must be done before the first object is made.
  static void define(Napi::Env env);

  /// Makes an object.
  static Napi::Value of(Napi::Env env, Snapshot snapshot);

  explicit SnapshotObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value saveModel(const Napi::CallbackInfo& info);
  Napi::Value saveCheckpoint(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);

  std::optional<Snapshot> snapshot_;  // is used only on the thread, once that has a job
  // The last member, so that it is destroyed first: it joins the thread, which uses the other.
  Jobs jobs_;
};

}  // namespace moco::addon
