#pragma once

#include <napi.h>

#include <atomic>

#include "addon/worker_object.h"
#include "core/run/benchmark.h"

namespace moco::addon {

/// `NativeBenchmark` of src/native/benchmark.ts: a `Benchmark` on a thread of its own.
class BenchmarkObject : public WorkerObject<BenchmarkObject, Benchmark> {
 public:
  static constexpr const char* kName = "NativeBenchmark";
  static Properties methods();

  /// `createBenchmark(config)` of src/native/addon.ts.
  static Napi::Value create(const Napi::CallbackInfo& info);

  using WorkerObject::WorkerObject;

 private:
  /// A measurement goes on for at least `least` seconds and ends soon after `stop` is set.
  using Measurement = double (Benchmark::*)(double least, const std::atomic<bool>& stop);

  Napi::Value steps(const Napi::CallbackInfo& info);
  Napi::Value extraction(const Napi::CallbackInfo& info);
  Napi::Value folded(const Napi::CallbackInfo& info);
  template <Measurement measurement>
  Napi::Value measure(const Napi::CallbackInfo& info);
  Napi::Value knn(const Napi::CallbackInfo& info);
  Napi::Value memory(const Napi::CallbackInfo& info);
};

}  // namespace moco::addon
