#include "addon/memory_plan.h"

#include "addon/errors.h"
#include "addon/gpu_options.h"
#include "addon/properties.h"
#include "core/base/error.h"
#include "core/base/threads.h"
#include "core/device/device.h"
#include "core/device/graphed_function.h"
#include "core/input/host_input_loader.h"

namespace moco::addon {
namespace {

MemoryDemand demandOf(const Napi::Object& options) {
  const at::Device device = resolveDevice(string(options, "device"));
  const GpuOptions gpu = gpuOptions(options);
  const Precision precision =
      resolvePrecision(string(options, "precision"), device, gpu.arithmetic.tf32);
  const int64_t dataThreads = chooseDataThreads(integer(options, "dataThreads"), device);
  return {.arch = string(options, "arch"),
          .featureDim = integer(options, "featureDim"),
          .queueLength = integer(options, "queueLength"),
          .neighbours = integer(options, "neighbours"),
          .batchSize = 0,
          .trainPictures = integer(options, "trainPictures"),
          .testPictures = integer(options, "testPictures"),
          .height = integer(options, "height"),
          .width = integer(options, "width"),
          .batchesOfViews = HostInputLoader::batchesInMemory(dataThreads),
          .compute = precision.compute,
          .device = device,
          .graph = gpu.cudaGraph && graphRecorders(device)};
}

}  // namespace

Napi::Object memoryPlanObject(Napi::Env env, const MemoryPlan& plan, int64_t available) {
  Napi::Object object = Napi::Object::New(env);
  const auto set = [&](const char* name, int64_t bytes) {
    object.Set(name, static_cast<double>(bytes));
  };
  set("model", plan.model);
  set("queue", plan.queue);
  set("pictures", plan.pictures);
  set("step", plan.step);
  set("evaluation", plan.evaluation);
  set("libraries", plan.libraries);
  set("peak", plan.peak);
  set("available", available);
  return object;
}

Napi::Value chooseBatchSize(const Napi::CallbackInfo& info) {
  const auto options = info[0].As<Napi::Object>();
  try {
    const MemoryDemand demand = demandOf(options);
    const int64_t batch = chooseBatch(demand, availableMemory(demand.device));
    return Napi::Number::New(info.Env(), static_cast<double>(batch));
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw errorObject(info.Env(), describe(std::current_exception()));
  }
}

}  // namespace moco::addon
