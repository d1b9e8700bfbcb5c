#include "addon/benchmark_object.h"

#include <optional>

#include "addon/machine.h"
#include "addon/settings.h"
#include "core/device/device.h"

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
  object.Set("warmUpSeconds", measured.warmUp);
  object.Set("steps", static_cast<double>(measured.steps));
  object.Set("seconds", measured.seconds);
  object.Set("times", times);
  return object;
}

Napi::Object foldedObject(Napi::Env env, const FoldedTimes& folded) {
  Napi::Array fallbacks = Napi::Array::New(env);
  for (const auto& [layer, reason] : folded.fallbacks) {
    Napi::Object fallback = Napi::Object::New(env);
    fallback.Set("layer", layer);
    fallback.Set("reason", reason);
    fallbacks.Set(fallbacks.Length(), fallback);
  }
  Napi::Object object = Napi::Object::New(env);
  object.Set("pictures", static_cast<double>(folded.pictures));
  object.Set("fusedSeconds", folded.fused);
  object.Set("plainSeconds", folded.plain);
  object.Set("fallbacks", fallbacks);
  return object;
}

ToValue numberValue(double number) {
  return [number](Napi::Env env) { return Napi::Number::New(env, number); };
}

}  // namespace

BenchmarkObject::Properties BenchmarkObject::methods() {
  return {InstanceMethod<&BenchmarkObject::steps>("steps"),
          InstanceMethod<&BenchmarkObject::extraction>("extraction"),
          InstanceMethod<&BenchmarkObject::folded>("folded"),
          InstanceMethod<&BenchmarkObject::measure<&Benchmark::matrixProduct>>("matrixProduct"),
          InstanceMethod<&BenchmarkObject::measure<&Benchmark::augmentation>>("augmentation"),
          InstanceMethod<&BenchmarkObject::knn>("knn"),
          InstanceMethod<&BenchmarkObject::memory>("memory")};
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

Napi::Value BenchmarkObject::extraction(const Napi::CallbackInfo& info) {
  const double least = info[0].As<Napi::Number>();
  return submit([this, least](Reporter&) -> ToValue {
    const auto measured = core().extraction(least, stopRequested());
    return [measured](Napi::Env env) -> Napi::Value {
      Napi::Object object = Napi::Object::New(env);
      object.Set("firstSeconds", measured.first);
      object.Set("secondsPerPicture", measured.perPicture);
      return object;
    };
  });
}

Napi::Value BenchmarkObject::folded(const Napi::CallbackInfo& info) {
  const double least = info[0].As<Napi::Number>();
  return submit([this, least](Reporter&) -> ToValue {
    const auto measured = core().folded(least, stopRequested());
    return [measured](Napi::Env env) { return foldedObject(env, measured); };
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

Napi::Value BenchmarkObject::memory(const Napi::CallbackInfo& info) {
  return memoryObject(info.Env(), usedMemory(description().common.compute.device));
}

}  // namespace moco::addon
