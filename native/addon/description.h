#pragma once

#include <napi.h>

#include <cstdint>
#include <string>

#include "core/run/benchmark.h"
#include "core/run/evaluator.h"
#include "core/run/trainer.h"

namespace moco::addon {

/// Where and how a core object computes: the properties of `NativeDescription` of
/// src/native/compute.ts.
struct Description {
  at::Device device;
  std::string deviceName, precision, precisionReason, cpuKernelsUnavailable, viewsDevice,
      viewsReason;
  Threads computeThreads;
  int64_t dataThreads, parameters;
};

/// The properties of `NativeTrainerDescription` of src/native/trainer.ts.
struct TrainerDescription {
  Description common;
  int64_t stepsPerEpoch;
  MemoryPlan memoryPlan;
  int64_t availableMemory;
};

/// The properties of `NativeBenchmarkDescription` of src/native/benchmark.ts.
struct BenchmarkDescription {
  Description common;
  MultiplyAdds multiplyAdds;
  int64_t featureLength;
};

/// What a core object says of itself. Runs on the thread that the object works on.
Description descriptionOf(Evaluator& evaluator);
TrainerDescription descriptionOf(Trainer& trainer);
BenchmarkDescription descriptionOf(Benchmark& benchmark);

/// The same for JavaScript, on JavaScript's thread.
Napi::Object descriptionObject(Napi::Env env, const Description& description);
Napi::Object descriptionObject(Napi::Env env, const TrainerDescription& description);
Napi::Object descriptionObject(Napi::Env env, const BenchmarkDescription& description);

/// The memory that a core object holds between its jobs, in bytes.
int64_t heldBytes(const Evaluator& evaluator);
int64_t heldBytes(const Trainer& trainer);
int64_t heldBytes(Benchmark& benchmark);

}  // namespace moco::addon
