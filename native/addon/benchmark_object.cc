#include "addon/benchmark_object.h"

#include <optional>

#include "addon/settings.h"

namespace moco::addon {
namespace {

Napi::Object stepsObject(Napi::Env env, const MeasuredSteps& measured) {
  Napi::Array times = Napi::Array::New(env);
  for (const auto& [phase, name, calls, seconds] : measured.times) {
    Napi::Object time = Napi::Object::New(env);
    time.Set("phase", phase);
    time.Set("name", name);
    time.Set("calls", static_cast<double>(calls));
    time.Set("seconds", seconds);
    times.Set(times.Length(), time);
  }
  Napi::Object object = Napi::Object::New(env);
  object.Set("steps", static_cast<double>(measured.steps));
  object.Set("seconds", measured.seconds);
  object.Set("times", times);
  return object;
}

ToValue numberValue(double number) {
  return [number](Napi::Env env) { return Napi::Number::New(env, number); };
}

}  // namespace

BenchmarkObject::Properties BenchmarkObject::methods() {
  return {InstanceMethod<&BenchmarkObject::steps>("steps"),
          InstanceMethod<&BenchmarkObject::measure<&Benchmark::extraction>>("extraction"),
          InstanceMethod<&BenchmarkObject::measure<&Benchmark::matrixProduct>>("matrixProduct"),
          InstanceMethod<&BenchmarkObject::measure<&Benchmark::augmentation>>("augmentation"),
          InstanceMethod<&BenchmarkObject::knn>("knn")};
}

Napi::Value BenchmarkObject::create(const Napi::CallbackInfo& info) {
  const auto settings = settingsOf<BenchmarkSettings>(info[0].As<Napi::Object>());
  const auto make = [settings](std::optional<Benchmark>& benchmark) {
    benchmark.emplace(settings);
  };
  return createWith(info.Env(), make);
}

Napi::Value BenchmarkObject::steps(const Napi::CallbackInfo& info) {
  const double least = info[0].As<Napi::Number>();
  const bool operators = info[1].As<Napi::String>().Utf8Value() == "operators";
  const auto detail = operators ? Profiler::Detail::kOperators : Profiler::Detail::kPhases;
  return submit([this, least, detail](Reporter&) -> ToValue {
    const auto measured = core().steps(least, detail, stopRequested());
    return [measured](Napi::Env env) { return stepsObject(env, measured); };
  });
}

template <BenchmarkObject::Measurement measurement>
Napi::Value BenchmarkObject::measure(const Napi::CallbackInfo& info) {
  const double least = info[0].As<Napi::Number>();
  return submit([this, least](Reporter&) -> ToValue {
    return numberValue((core().*measurement)(least, stopRequested()));
  });
}

Napi::Value BenchmarkObject::knn(const Napi::CallbackInfo& info) {
  const auto size = settingsOf<KnnSize>(info[0].As<Napi::Object>());
  return submit([this, size](Reporter&) -> ToValue {
    return numberValue(core().knn(size, stopRequested()));
  });
}

}  // namespace moco::addon
