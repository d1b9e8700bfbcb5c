#include "addon/description.h"

#include "addon/memory_plan.h"
#include "core/device/cpu_kernels.h"
#include "core/device/device.h"

namespace moco::addon {
namespace {

/// @param worker  a Trainer or an Evaluator
template <class Worker>
Description commonDescription(Worker& worker) {
  const Machine& machine = worker.machine();
  return {.device = machine.device,
          .deviceName = deviceName(machine.device),
          .precision = machine.precision.compute == at::kBFloat16 ? "bf16" : "fp32",
          .precisionReason = machine.precision.reason,
          .cpuKernelsUnavailable = cpuKernelsUnavailable(),
          .viewsDevice = worker.placement().viewsDevice.str(),
          .viewsReason = worker.placement().reason,
          .computeThreads = machine.computeThreads,
          .dataThreads = machine.dataThreads,
          .parameters = worker.parameters()};
}

}  // namespace

Description descriptionOf(Evaluator& evaluator) { return commonDescription(evaluator); }

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

Napi::Object descriptionObject(Napi::Env env, const Description& description) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("device", description.device.str());
  object.Set("deviceName", description.deviceName);
  object.Set("precision", description.precision);
  object.Set("precisionReason", description.precisionReason);
  object.Set("cpuKernelsUnavailable", description.cpuKernelsUnavailable);
  object.Set("viewsDevice", description.viewsDevice);
  object.Set("viewsReason", description.viewsReason);
  object.Set("computeThreads", static_cast<double>(description.computeThreads.count));
  object.Set("computeThreadsReason", description.computeThreads.reason);
  object.Set("dataThreads", static_cast<double>(description.dataThreads));
  object.Set("parameters", static_cast<double>(description.parameters));
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

int64_t heldBytes(const Evaluator& evaluator) { return evaluator.heldBytes(); }

int64_t heldBytes(const Trainer& trainer) {
  const MemoryPlan& plan = trainer.memoryPlan();
  return plan.model + plan.queue + plan.pictures;
}

int64_t heldBytes(Benchmark& benchmark) { return heldBytes(benchmark.trainer()); }

}  // namespace moco::addon
