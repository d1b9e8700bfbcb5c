#pragma once

#include <napi.h>

#include <cstdint>
#include <string>

#include "core/run/benchmark.h"
#include "core/run/evaluator.h"
#include "core/run/trainer.h"

namespace moco::addon {

/// The properties of `NativeDescription`: where and how something computes.
struct Description {
  at::Device device;
  std::string deviceName, precision, precisionReason, viewsDevice, viewsReason;
  int64_t computeThreads, dataThreads, parameters;
};

/// The properties of `NativeTrainerDescription`.
struct TrainerDescription {
  Description common;
  int64_t stepsPerEpoch;
  MemoryPlan memoryPlan;
  int64_t availableMemory;
};

/// The properties of `NativeBenchmarkDescription`.
struct BenchmarkDescription {
  Description common;
  MultiplyAdds multiplyAdds;
  int64_t featureLength;
};

Description descriptionOf(Evaluator& evaluator);
TrainerDescription descriptionOf(Trainer& trainer);
BenchmarkDescription descriptionOf(Benchmark& benchmark);

Napi::Object descriptionObject(Napi::Env env, const Description& description);
Napi::Object descriptionObject(Napi::Env env, const TrainerDescription& description);
Napi::Object descriptionObject(Napi::Env env, const BenchmarkDescription& description);

}  // namespace moco::addon
