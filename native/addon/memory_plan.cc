#include "addon/memory_plan.h"

#include "addon/errors.h"
#include "addon/properties.h"
#include "addon/settings.h"
#include "core/base/error.h"
#include "core/device/device.h"

namespace moco::addon {
namespace {

MemoryDemand demandOf(const Napi::Object& config, const Napi::Object& pictures) {
  const auto settings = settingsOf<TrainerSettings>(config);
  return {.settings = settings,
          .machine = resolveMachine(settings.compute),
          .trainPictures = integer(pictures, "train"),
          .testPictures = integer(pictures, "test"),
          .height = integer(pictures, "height"),
          .width = integer(pictures, "width"),
          .picturesStayInFile = boolean(pictures, "staysInFile")};
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
  set("snapshot", plan.snapshot);
  set("libraries", plan.libraries);
  set("peak", plan.peak);
  set("available", available);
  return object;
}

Napi::Value chooseBatchSize(const Napi::CallbackInfo& info) {
  try {
    const auto demand = demandOf(info[0].As<Napi::Object>(), info[1].As<Napi::Object>());
    const int64_t batch = chooseBatch(demand, availableMemory(demand.machine.device));
    return Napi::Number::New(info.Env(), static_cast<double>(batch));
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw errorObject(info.Env(), describe(std::current_exception()));
  }
}

}  // namespace moco::addon
