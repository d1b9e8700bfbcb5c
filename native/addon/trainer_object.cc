#include "addon/trainer_object.h"

#include <string>
#include <utility>

#include "addon/machine.h"
#include "addon/memory_plan.h"
#include "addon/trainer_request.h"

namespace moco::addon {

Napi::Function TrainerObject::define(Napi::Env env) {
  return DefineClass(env, "NativeTrainer",
                     {InstanceAccessor<&TrainerObject::getDescription>("description"),
                      InstanceMethod<&TrainerObject::trainEpoch>("trainEpoch"),
                      InstanceMethod<&TrainerObject::evaluate>("evaluate"),
                      InstanceMethod<&TrainerObject::saveModel>("saveModel"),
                      InstanceMethod<&TrainerObject::saveCheckpoint>("saveCheckpoint"),
                      InstanceMethod<&TrainerObject::takeWarnings>("takeWarnings"),
                      InstanceMethod<&TrainerObject::memory>("memory"),
                      InstanceMethod<&TrainerObject::stop>("stop"),
                      InstanceMethod<&TrainerObject::dispose>("dispose")});
}

Napi::Value TrainerObject::create(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto options = info[0].As<Napi::Object>();
  TrainerRequest request = trainerRequest(options);
  auto* self = Unwrap(env.GetInstanceData<Environment>()->trainerClass.New({}));
  const auto make = [self, request = std::move(request)](Reporter&) -> ToValue {
    self->trainer_.emplace(withStores(request));
    self->description_ = descriptionOf(*self->trainer_);
    self->stepsPerEpoch_ = self->trainer_->stepsPerEpoch();
    self->device_ = self->trainer_->device();
    self->memoryPlan_ = self->trainer_->memoryPlan();
    self->availableMemory_ = self->trainer_->availableMemory();
    return [self](Napi::Env) -> Napi::Value { return self->Value(); };
  };
  return self->jobs_.submit(make, arraysOf(options, {"train", "test"}));
}

TrainerObject::TrainerObject(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<TrainerObject>(info),
      jobs_(info.Env(), *this, [this] { trainer_.reset(); }) {}

Napi::Value TrainerObject::getDescription(const Napi::CallbackInfo& info) {
  if (!description_) return info.Env().Undefined();
  Napi::Object object = descriptionObject(info.Env(), *description_);
  object.Set("stepsPerEpoch", static_cast<double>(stepsPerEpoch_));
  object.Set("memory", memoryPlanObject(info.Env(), memoryPlan_, availableMemory_));
  return object;
}

Napi::Value TrainerObject::trainEpoch(const Napi::CallbackInfo& info) {
  const int64_t epoch = info[0].As<Napi::Number>().Int64Value();
  const int64_t firstStep = info[1].As<Napi::Number>().Int64Value();
  const auto work = [this, epoch, firstStep](Reporter& reporter) -> ToValue {
    const auto report = [&](const StepMetrics& metrics) {
      const auto& [loss, accuracy, gradientNorm] = metrics.result;
      reporter.row({static_cast<double>(metrics.step), loss, accuracy, gradientNorm,
                    metrics.learningRate, metrics.seconds, metrics.queueFill});
    };
    const auto last = trainer_->trainEpoch(epoch, firstStep, report, jobs_.stopRequested());
    return [last](Napi::Env env) { return Napi::Number::New(env, static_cast<double>(last)); };
  };
  return jobs_.submit(work, {}, info[2].As<Napi::Function>());
}

Napi::Value TrainerObject::evaluate(const Napi::CallbackInfo&) {
  return jobs_.submit([this](Reporter&) -> ToValue {
    const Accuracy accuracy = trainer_->evaluate(jobs_.stopRequested());
    return [accuracy](Napi::Env env) -> Napi::Value {
      Napi::Object result = Napi::Object::New(env);
      result.Set("top1", accuracy.top1);
      result.Set("top5", accuracy.top5);
      return result;
    };
  });
}

Napi::Value TrainerObject::saveModel(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  const std::string description = info[1].As<Napi::String>();
  return jobs_.submit([this, path, description](Reporter&) -> ToValue {
    trainer_->saveModel(path, description);
    return undefined;
  });
}

Napi::Value TrainerObject::saveCheckpoint(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  const std::string previous = info[1].As<Napi::String>();
  const std::string run = info[2].As<Napi::String>();
  return jobs_.submit([this, path, previous, run](Reporter&) -> ToValue {
    trainer_->saveCheckpoint(path, previous, run);
    return undefined;
  });
}

Napi::Value TrainerObject::takeWarnings(const Napi::CallbackInfo&) {
  return jobs_.submit([this](Reporter&) -> ToValue {
    const auto warnings = trainer_->takeWarnings();
    return [warnings](Napi::Env env) -> Napi::Value {
      Napi::Array array = Napi::Array::New(env);
      for (const auto& warning : warnings) array.Set(array.Length(), warning);
      return array;
    };
  });
}

Napi::Value TrainerObject::memory(const Napi::CallbackInfo& info) {
  return memoryObject(info.Env(), usedMemory(device_));
}

void TrainerObject::stop(const Napi::CallbackInfo&) { jobs_.stop(); }

Napi::Value TrainerObject::dispose(const Napi::CallbackInfo&) { return jobs_.dispose(); }

}  // namespace moco::addon
