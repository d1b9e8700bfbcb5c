#pragma once

#include <napi.h>

#include <atomic>
#include <cstdint>
#include <optional>

#include "addon/description.h"
#include "addon/jobs.h"
#include "core/run/benchmark.h"

namespace moco::addon {

/// `NativeBenchmark` of src/native/addon.ts: a `Benchmark` on a thread of its own.
class BenchmarkObject : public Napi::ObjectWrap<BenchmarkObject> {
 public:
  static Napi::Function define(Napi::Env env);
  /// `createBenchmark(options)`.
  static Napi::Value create(const Napi::CallbackInfo& info);

  explicit BenchmarkObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value getDescription(const Napi::CallbackInfo& info);
  Napi::Value steps(const Napi::CallbackInfo& info);
  Napi::Value extraction(const Napi::CallbackInfo& info);
  Napi::Value matrixProduct(const Napi::CallbackInfo& info);
  Napi::Value augmentation(const Napi::CallbackInfo& info);
  Napi::Value knn(const Napi::CallbackInfo& info);
  using Measurement = double (Benchmark::*)(double least, const std::atomic<bool>& stop);
  Napi::Value submit(const Napi::CallbackInfo& info, Measurement measurement);
  void stop(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);

  /// What a description says beside `Description`.
  struct Work {
    MultiplyAdds multiplyAdds;
    int64_t featureLength;
  };

  std::optional<Benchmark> benchmark_;  // touched on its thread, or after that one was joined
  std::optional<Description> description_;
  Work work_{};
  Jobs jobs_;  // the last member: goes first, and the rest with it
};

}  // namespace moco::addon
