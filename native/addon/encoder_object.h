#pragma once

#include <napi.h>

#include "addon/worker_object.h"
#include "core/run/embed_queue.h"
#include "core/run/embedder.h"

namespace moco::addon {

/// `NativeEncoder` of src/native/encoder.ts: an `Embedder` on a thread of its own, and the queue of
/// what it is asked for.
class EncoderObject : public WorkerObject<EncoderObject, Embedder, EmbedQueue> {
 public:
  static constexpr const char* kName = "NativeEncoder";
  static Properties methods();

  /// `createEncoder(config, model)` of src/native/addon.ts.
  static Napi::Value create(const Napi::CallbackInfo& info);

  using WorkerObject::WorkerObject;

 private:
  Napi::Value embed(const Napi::CallbackInfo& info);
  void cancel(const Napi::CallbackInfo& info);
  Napi::Value statistics(const Napi::CallbackInfo& info);
  /// Computes until nothing waits. Runs on the object's thread.
  void embedAll();
};

}  // namespace moco::addon
