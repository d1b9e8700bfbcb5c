#include "addon/description.h"

#include "addon/memory_plan.h"
#include "core/device/cpu_kernels.h"
#include "core/device/device.h"

namespace moco::addon {
namespace {

ComputeDescription computeDescription(const Machine& machine, int64_t parameters) {
  return {.device = machine.device,
          .deviceName = deviceName(machine.device),
          .precision = machine.precision.compute == at::kBFloat16 ? "bf16" : "fp32",
          .precisionReason = machine.precision.reason,
          .cpuKernelsUnavailable = cpuKernelsUnavailable(),
          .computeThreads = machine.computeThreads,
          .parameters = parameters};
}

/// @param worker  a Trainer or an Evaluator
template <class Worker>
Description commonDescription(Worker& worker) {
  return {.compute = computeDescription(worker.machine(), worker.parameters()),
          .viewsDevice = worker.placement().viewsDevice.str(),
          .viewsReason = worker.placement().reason,
          .dataThreads = worker.machine().dataThreads};
}

Napi::Object computeObject(Napi::Env env, const ComputeDescription& description) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("device", description.device.str());
  object.Set("deviceName", description.deviceName);
  object.Set("precision", description.precision);
  object.Set("precisionReason", description.precisionReason);
  object.Set("cpuKernelsUnavailable", description.cpuKernelsUnavailable);
  object.Set("computeThreads", static_cast<double>(description.computeThreads.count));
  object.Set("computeThreadsReason", description.computeThreads.reason);
  object.Set("parameters", static_cast<double>(description.parameters));
  return object;
}

}  // namespace

Description descriptionOf(Evaluator& evaluator) { return commonDescription(evaluator); }

EmbedderDescription descriptionOf(Embedder& embedder) {
  return {.compute = computeDescription(embedder.machine(), embedder.parameters()),
          .side = embedder.side(),
          .batchSize = embedder.batchSize(),
          .featureLength = embedder.featureLength(),
          .projectionLength = embedder.projectionLength(),
          .heldBytes = embedder.heldBytes()};
}

TrainerDescription descriptionOf(Trainer& trainer) {
  return {.common = commonDescription(trainer),
          .stepsPerEpoch = trainer.stepsPerEpoch(),
          .memoryPlan = trainer.memoryPlan(),
          .availableMemory = trainer.availableMemory()};
}

BenchmarkDescription descriptionOf(Benchmark& benchmark) {
  return {.common = commonDescription(benchmark.trainer()),
          .multiplyAdds = benchmark.multiplyAdds(),
          .featureLength = benchmark.featureLength()};
}

SearcherDescription descriptionOf(Searcher& searcher) {
  return {.hasCodes = searcher.hasCodes(),
          .firstPassReason = searcher.firstPassReason(),
          .threads = searcher.threads(),
          .heldBytes = searcher.heldBytes()};
}

GroupDescription descriptionOf(const RendezvousSettings& settings) {
  return {.rank = settings.rank, .processes = settings.processes};
}

Napi::Object descriptionObject(Napi::Env env, const Description& description) {
  Napi::Object object = computeObject(env, description.compute);
  object.Set("viewsDevice", description.viewsDevice);
  object.Set("viewsReason", description.viewsReason);
  object.Set("dataThreads", static_cast<double>(description.dataThreads));
  return object;
}

Napi::Object descriptionObject(Napi::Env env, const EmbedderDescription& description) {
  Napi::Object object = computeObject(env, description.compute);
  object.Set("side", static_cast<double>(description.side));
  object.Set("batchSize", static_cast<double>(description.batchSize));
  object.Set("featureLength", static_cast<double>(description.featureLength));
  object.Set("projectionLength", static_cast<double>(description.projectionLength));
  object.Set("heldBytes", static_cast<double>(description.heldBytes));
  return object;
}

Napi::Object descriptionObject(Napi::Env env, const TrainerDescription& description) {
  Napi::Object object = descriptionObject(env, description.common);
  object.Set("stepsPerEpoch", static_cast<double>(description.stepsPerEpoch));
  object.Set("memory", memoryPlanObject(env, description.memoryPlan, description.availableMemory));
  return object;
}

Napi::Object descriptionObject(Napi::Env env, const BenchmarkDescription& description) {
  const auto& [backbone, head] = description.multiplyAdds;
  Napi::Object multiplyAdds = Napi::Object::New(env);
  multiplyAdds.Set("backbone", static_cast<double>(backbone));
  multiplyAdds.Set("head", static_cast<double>(head));
  Napi::Object object = descriptionObject(env, description.common);
  object.Set("multiplyAdds", multiplyAdds);
  object.Set("featureLength", static_cast<double>(description.featureLength));
  return object;
}

Napi::Object descriptionObject(Napi::Env env, const SearcherDescription& description) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("firstPass", description.hasCodes ? "int8" : "none");
  object.Set("firstPassReason", description.firstPassReason);
  object.Set("threads", static_cast<double>(description.threads.count));
  object.Set("threadsReason", description.threads.reason);
  object.Set("memoryBytes", static_cast<double>(description.heldBytes));
  return object;
}

Napi::Object descriptionObject(Napi::Env env, const GroupDescription& description) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("rank", static_cast<double>(description.rank));
  object.Set("processes", static_cast<double>(description.processes));
  return object;
}

int64_t heldBytes(const Evaluator& evaluator) { return evaluator.heldBytes(); }

int64_t heldBytes(const Embedder& embedder) { return embedder.heldBytes(); }

int64_t heldBytes(const Trainer& trainer) {
  const MemoryPlan& plan = trainer.memoryPlan();
  return plan.model + plan.queue + plan.pictures;
}

int64_t heldBytes(Benchmark& benchmark) { return heldBytes(benchmark.trainer()); }

int64_t heldBytes(const Searcher& searcher) { return searcher.heldBytes(); }

int64_t heldBytes(const RendezvousSettings&) { return 0; }

}  // namespace moco::addon
