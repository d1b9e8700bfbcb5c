#pragma once

#include <napi.h>

#include <cstdint>
#include <string>

#include "core/distributed/rendezvous.h"
#include "core/run/benchmark.h"
#include "core/run/embedder.h"
#include "core/run/evaluator.h"
#include "core/run/trainer.h"
#include "core/search/searcher.h"

namespace moco::addon {

/// Where and how a core object computes: the properties of `NativeComputeDescription` of
/// src/native/compute.ts.
struct ComputeDescription {
  at::Device device;
  std::string deviceName, precision, precisionReason, cpuKernelsUnavailable;
  Threads computeThreads;
  int64_t parameters;
};

/// The same and where views are made: the properties of `NativeDescription` there.
struct Description {
  ComputeDescription compute;
  std::string viewsDevice, viewsReason;
  int64_t dataThreads;
};

/// The properties of `NativeEncoderDescription` of src/native/encoder.ts.
struct EmbedderDescription {
  ComputeDescription compute;
  int64_t side, batchSize, featureLength, projectionLength, heldBytes;
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

/// The properties of `NativeSearcherDescription` of src/native/searcher.ts.
struct SearcherDescription {
  bool hasCodes;
  std::string firstPassReason;
  Threads threads;
  int64_t heldBytes;
};

/// The properties of `NativeGroupDescription` of src/native/group.ts.
struct GroupDescription {
  int64_t rank, processes;
};

/// What a core object says of itself. Runs on the thread that the object works on.
Description descriptionOf(Evaluator& evaluator);
EmbedderDescription descriptionOf(Embedder& embedder);
TrainerDescription descriptionOf(Trainer& trainer);
BenchmarkDescription descriptionOf(Benchmark& benchmark);
SearcherDescription descriptionOf(Searcher& searcher);
GroupDescription descriptionOf(const RendezvousSettings& settings);

/// The same for JavaScript, on JavaScript's thread.
Napi::Object descriptionObject(Napi::Env env, const Description& description);
Napi::Object descriptionObject(Napi::Env env, const TrainerDescription& description);
Napi::Object descriptionObject(Napi::Env env, const EmbedderDescription& description);
Napi::Object descriptionObject(Napi::Env env, const BenchmarkDescription& description);
Napi::Object descriptionObject(Napi::Env env, const SearcherDescription& description);
Napi::Object descriptionObject(Napi::Env env, const GroupDescription& description);

/// The memory that a core object holds between its jobs, in bytes.
int64_t heldBytes(const Evaluator& evaluator);
int64_t heldBytes(const Embedder& embedder);
int64_t heldBytes(const Trainer& trainer);
int64_t heldBytes(Benchmark& benchmark);
int64_t heldBytes(const Searcher& searcher);
int64_t heldBytes(const RendezvousSettings& settings);

}  // namespace moco::addon
