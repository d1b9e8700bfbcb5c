#include "addon/evaluator_object.h"

#include <string>
#include <utility>

#include "addon/evaluator_request.h"
#include "addon/evaluator_results.h"
#include "addon/properties.h"

namespace moco::addon {
namespace {

ToValue metricsValue(const LinearMetrics& metrics) {
  return [metrics](Napi::Env env) { return metricsObject(env, metrics); };
}

}  // namespace

Napi::Function EvaluatorObject::define(Napi::Env env) {
  return DefineClass(env, "NativeEvaluator",
                     {InstanceAccessor<&EvaluatorObject::getDescription>("description"),
                      InstanceMethod<&EvaluatorObject::knn>("knn"),
                      InstanceMethod<&EvaluatorObject::startLinear>("startLinear"),
                      InstanceMethod<&EvaluatorObject::trainLinearEpoch>("trainLinearEpoch"),
                      InstanceMethod<&EvaluatorObject::measureLinear>("measureLinear"),
                      InstanceMethod<&EvaluatorObject::saveLinear>("saveLinear"),
                      InstanceMethod<&EvaluatorObject::sweepLinear>("sweepLinear"),
                      InstanceMethod<&EvaluatorObject::stop>("stop"),
                      InstanceMethod<&EvaluatorObject::dispose>("dispose")});
}

Napi::Value EvaluatorObject::create(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto options = info[0].As<Napi::Object>();
  EvaluatorRequest request = evaluatorRequest(options);
  auto* self = Unwrap(env.GetInstanceData<Environment>()->evaluatorClass.New({}));
  const auto make = [self, request = std::move(request)](Reporter&) -> ToValue {
    self->evaluator_.emplace(withStores(request), readTensors(request.model));
    self->description_ = descriptionOf(*self->evaluator_);
    return [self](Napi::Env) -> Napi::Value { return self->Value(); };
  };
  return self->jobs_.submit(make, arraysOf(options));
}

EvaluatorObject::EvaluatorObject(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<EvaluatorObject>(info),
      jobs_(info.Env(), *this, [this] { evaluator_.reset(); }) {}

Napi::Value EvaluatorObject::getDescription(const Napi::CallbackInfo& info) {
  if (!description_) return info.Env().Undefined();
  return descriptionObject(info.Env(), *description_);
}

Napi::Value EvaluatorObject::knn(const Napi::CallbackInfo& info) {
  const auto options = info[0].As<Napi::Object>();
  const int64_t neighbours = integer(options, "neighbours");
  const auto temperatures = numbers(options, "temperatures");
  return jobs_.submit([this, neighbours, temperatures](Reporter&) -> ToValue {
    const auto results = evaluator_->knn(neighbours, temperatures, jobs_.stopRequested());
    return [results](Napi::Env env) { return knnArray(env, results); };
  });
}

Napi::Value EvaluatorObject::startLinear(const Napi::CallbackInfo& info) {
  const LinearOptions options = linearOptions(info[0].As<Napi::Object>());
  return jobs_.submit([this, options](Reporter&) -> ToValue {
    evaluator_->startLinear(options);
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
    return metricsValue(evaluator_->trainLinearEpoch(epoch, report, jobs_.stopRequested()));
  };
  return jobs_.submit(work, {}, info[1].As<Napi::Function>());
}

Napi::Value EvaluatorObject::measureLinear(const Napi::CallbackInfo& info) {
  const std::string split = info[0].As<Napi::String>();
  return jobs_.submit([this, split](Reporter&) -> ToValue {
    const auto& stop = jobs_.stopRequested();
    return metricsValue(split == "validation" ? evaluator_->validateLinear(stop)
                                              : evaluator_->testLinear(stop));
  });
}

Napi::Value EvaluatorObject::saveLinear(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  return jobs_.submit([this, path](Reporter&) -> ToValue {
    evaluator_->saveLinear(path);
    return undefined;
  });
}

Napi::Value EvaluatorObject::sweepLinear(const Napi::CallbackInfo& info) {
  const SweepOptions options = sweepOptions(info[0].As<Napi::Object>());
  return jobs_.submit([this, options](Reporter&) -> ToValue {
    const auto results = evaluator_->sweep(options, jobs_.stopRequested());
    return [results](Napi::Env env) { return sweepArray(env, results); };
  });
}

void EvaluatorObject::stop(const Napi::CallbackInfo&) { jobs_.stop(); }

Napi::Value EvaluatorObject::dispose(const Napi::CallbackInfo&) { return jobs_.dispose(); }

}  // namespace moco::addon
