#include "addon/trainer_object.h"

#include <memory>
#include <optional>
#include <utility>

#include "addon/dataset_view.h"
#include "addon/group_object.h"
#include "addon/machine.h"
#include "addon/properties.h"
#include "addon/settings.h"
#include "addon/snapshot_object.h"
#include "addon/tensor_source.h"

namespace moco::addon {
namespace {

/// `NativeEvaluation` of src/native/trainer.ts.
Napi::Object evaluationObject(Napi::Env env, const Evaluation& evaluation) {
  Napi::Object object = Napi::Object::New(env);
  if (evaluation.knn) {
    object.Set("top1", evaluation.knn->top1);
    object.Set("top5", evaluation.knn->top5);
  }
  if (evaluation.measures) {
    Napi::Object measures = Napi::Object::New(env);
    evaluation.measures->each([&](const char* name, double value) { measures.Set(name, value); });
    object.Set("measures", measures);
  }
  return object;
}

}  // namespace

namespace {

/// A `NativeBeginning` of src/native/trainer.ts.
Beginning beginningOf(const Napi::Value& value) {
  Beginning beginning;
  if (value.IsUndefined()) return beginning;
  const auto object = value.As<Napi::Object>();
  const auto read = [&](const char* key, std::optional<TensorSource>& source) {
    if (!isAbsent(object, key)) source = tensorSource(child(object, key));
  };
  read("checkpoint", beginning.checkpoint);
  read("weights", beginning.weights);
  return beginning;
}

/// The processes of a `NativeGroup`, or this one alone.
Peers peersOf(const Napi::Value& group) {
  return group.IsUndefined() ? Peers() : Peers(GroupObject::of(group));
}

}  // namespace

TrainerObject::Properties TrainerObject::methods() {
  return {InstanceMethod<&TrainerObject::trainEpoch>("trainEpoch"),
          InstanceMethod<&TrainerObject::evaluate>("evaluate"),
          InstanceMethod<&TrainerObject::snapshot>("snapshot"),
          InstanceMethod<&TrainerObject::takeWarnings>("takeWarnings"),
          InstanceMethod<&TrainerObject::memory>("memory")};
}

Napi::Value TrainerObject::create(const Napi::CallbackInfo& info) {
  const auto settings = settingsOf<TrainerSettings>(info[0].As<Napi::Object>());
  const auto dataset = info[1].As<Napi::Object>();
  const Beginning beginning = beginningOf(info[2]);
  const Peers peers = peersOf(info[3]);
  const auto make = [settings, view = datasetView(dataset), beginning,
                     peers](std::optional<Trainer>& trainer) {
    trainer.emplace(settings, copyDataset(view), beginning, MakeRecorder{}, peers);
  };
  return createWith(info.Env(), make, arraysOf(dataset));
}

Napi::Value TrainerObject::trainEpoch(const Napi::CallbackInfo& info) {
  const int64_t epoch = info[0].As<Napi::Number>().Int64Value();
  const int64_t firstStep = info[1].As<Napi::Number>().Int64Value();
  std::optional<int64_t> lastStep;
  if (info[3].IsNumber()) lastStep = info[3].As<Napi::Number>().Int64Value();
  const auto work = [this, epoch, firstStep, lastStep](Reporter& reporter) -> ToValue {
    const auto report = [&](const StepMetrics& metrics) {
      const auto& [loss, accuracy, gradientNorm] = metrics.result;
      reporter.row({static_cast<double>(metrics.step), loss, accuracy, gradientNorm,
                    metrics.learningRate, metrics.seconds, metrics.queueFill,
                    metrics.secondsWithoutCore});
    };
    const auto last = core().trainEpoch(epoch, firstStep, report, stopRequested(), lastStep);
    return [last](Napi::Env env) { return Napi::Number::New(env, static_cast<double>(last)); };
  };
  return submit(work, info[2].As<Napi::Function>());
}

Napi::Value TrainerObject::evaluate(const Napi::CallbackInfo&) {
  return submit([this](Reporter&) -> ToValue {
    const Evaluation evaluation = core().evaluate(stopRequested());
    return [evaluation](Napi::Env env) -> Napi::Value { return evaluationObject(env, evaluation); };
  });
}

Napi::Value TrainerObject::snapshot(const Napi::CallbackInfo&) {
  return submit([this](Reporter&) -> ToValue {
    const auto snapshot = std::make_shared<Snapshot>(core().snapshot());
    return [snapshot](Napi::Env env) { return SnapshotObject::of(env, std::move(*snapshot)); };
  });
}

Napi::Value TrainerObject::takeWarnings(const Napi::CallbackInfo&) { return submitTakeWarnings(); }

Napi::Value TrainerObject::memory(const Napi::CallbackInfo& info) {
  return memoryObject(info.Env(), usedMemory(description().common.compute.device));
}

}  // namespace moco::addon
