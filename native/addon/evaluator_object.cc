#include "addon/evaluator_object.h"

#include <optional>
#include <string>

#include "addon/dataset_view.h"
#include "addon/evaluator_results.h"
#include "addon/properties.h"
#include "addon/settings.h"
#include "addon/tensor_source.h"

namespace moco::addon {
namespace {

ToValue metricsValue(const LinearMetrics& metrics) {
  return [metrics](Napi::Env env) { return metricsObject(env, metrics); };
}

}  // namespace

EvaluatorObject::Properties EvaluatorObject::methods() {
  return {InstanceMethod<&EvaluatorObject::knn>("knn"),
          InstanceMethod<&EvaluatorObject::startLinear>("startLinear"),
          InstanceMethod<&EvaluatorObject::trainLinearEpoch>("trainLinearEpoch"),
          InstanceMethod<&EvaluatorObject::measureLinear>("measureLinear"),
          InstanceMethod<&EvaluatorObject::nearest>("nearest"),
          InstanceMethod<&EvaluatorObject::saveLinear>("saveLinear"),
          InstanceMethod<&EvaluatorObject::sweepLinear>("sweepLinear"),
          InstanceMethod<&EvaluatorObject::takeWarnings>("takeWarnings")};
}

Napi::Value EvaluatorObject::create(const Napi::CallbackInfo& info) {
  const auto settings = settingsOf<EvaluatorSettings>(info[0].As<Napi::Object>());
  const auto dataset = info[1].As<Napi::Object>();
  const TensorSource model = tensorSource(info[2].As<Napi::Object>());
  const auto make = [settings, view = datasetView(dataset),
                     model](std::optional<Evaluator>& evaluator) {
    evaluator.emplace(settings, copyDataset(view), readTensors(model));
  };
  return createWith(info.Env(), make, arraysOf(dataset));
}

Napi::Value EvaluatorObject::knn(const Napi::CallbackInfo& info) {
  const auto settings = settingsOf<KnnSettings>(info[0].As<Napi::Object>());
  return submit([this, settings](Reporter&) -> ToValue {
    const auto results = core().knn(settings, stopRequested());
    return [results](Napi::Env env) { return knnArray(env, results); };
  });
}

Napi::Value EvaluatorObject::startLinear(const Napi::CallbackInfo& info) {
  const auto settings = settingsOf<LinearSettings>(info[0].As<Napi::Object>());
  return submit([this, settings](Reporter&) -> ToValue {
    core().startLinear(settings);
    return undefined;
  });
}

Napi::Value EvaluatorObject::trainLinearEpoch(const Napi::CallbackInfo& info) {
  const int64_t epoch = info[0].As<Napi::Number>().Int64Value();
  const auto work = [this, epoch](Reporter& reporter) -> ToValue {
    const auto report = [&](const LinearStep& step) {
      reporter.row({static_cast<double>(step.number), step.loss, static_cast<double>(step.pictures),
                    step.seconds});
    };
    return metricsValue(core().trainLinearEpoch(epoch, report, stopRequested()));
  };
  return submit(work, info[1].As<Napi::Function>());
}

Napi::Value EvaluatorObject::measureLinear(const Napi::CallbackInfo& info) {
  const std::string split = info[0].As<Napi::String>();
  return submit([this, split](Reporter&) -> ToValue {
    const auto& stop = stopRequested();
    return metricsValue(split == "validation" ? core().validateLinear(stop)
                                              : core().testLinear(stop));
  });
}

Napi::Value EvaluatorObject::nearest(const Napi::CallbackInfo& info) {
  const auto asked = info[0].As<Napi::Object>();
  const std::vector<double> numbers = addon::numbers(asked, "queries");
  const std::vector<int64_t> queries(numbers.begin(), numbers.end());
  const int64_t k = integer(asked, "k");
  return submit([this, queries, k](Reporter&) -> ToValue {
    const auto found = core().nearest(queries, k, stopRequested());
    return [found](Napi::Env env) { return nearestObject(env, found); };
  });
}

Napi::Value EvaluatorObject::saveLinear(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  const std::string description = info[1].As<Napi::String>();
  return submit([this, path, description](Reporter&) -> ToValue {
    core().saveLinear(path, description);
    return undefined;
  });
}

Napi::Value EvaluatorObject::sweepLinear(const Napi::CallbackInfo& info) {
  const auto settings = settingsOf<SweepSettings>(info[0].As<Napi::Object>());
  return submit([this, settings](Reporter&) -> ToValue {
    const auto results = core().sweep(settings, stopRequested());
    return [results](Napi::Env env) { return sweepArray(env, results); };
  });
}

Napi::Value EvaluatorObject::takeWarnings(const Napi::CallbackInfo&) {
  return submitTakeWarnings();
}

}  // namespace moco::addon
