#include "addon/benchmark_object.h"

#include "addon/gpu_options.h"
#include "addon/properties.h"

namespace moco::addon {
namespace {

BenchmarkOptions benchmarkOptions(const Napi::Object& options) {
  const GpuOptions gpu = gpuOptions(options);
  return {.arch = string(options, "arch"),
          .batchSize = integer(options, "batchSize"),
          .queueLength = integer(options, "queueLength"),
          .device = string(options, "device"),
          .precision = string(options, "precision"),
          .dataThreads = integer(options, "dataThreads"),
          .computeThreads = integer(options, "computeThreads"),
          .matrixSide = integer(options, "matrixSide"),
          .arithmetic = gpu.arithmetic,
          .cudaGraph = gpu.cudaGraph};
}

KnnSize knnSize(const Napi::Object& size) {
  return {.bank = integer(size, "bank"),
          .queries = integer(size, "queries"),
          .neighbours = integer(size, "neighbours")};
}

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

Napi::Function BenchmarkObject::define(Napi::Env env) {
  return DefineClass(
      env, "NativeBenchmark",
      {InstanceAccessor<&BenchmarkObject::getDescription>("description"),
       InstanceMethod<&BenchmarkObject::steps>("steps"),
       InstanceMethod<&BenchmarkObject::extraction>("extraction"),
       InstanceMethod<&BenchmarkObject::matrixProduct>("matrixProduct"),
       InstanceMethod<&BenchmarkObject::augmentation>("augmentation"),
       InstanceMethod<&BenchmarkObject::knn>("knn"), InstanceMethod<&BenchmarkObject::stop>("stop"),
       InstanceMethod<&BenchmarkObject::dispose>("dispose")});
}

Napi::Value BenchmarkObject::create(const Napi::CallbackInfo& info) {
  const BenchmarkOptions options = benchmarkOptions(info[0].As<Napi::Object>());
  auto* self = Unwrap(info.Env().GetInstanceData<Environment>()->benchmarkClass.New({}));
  return self->jobs_.submit([self, options](Reporter&) -> ToValue {
    Benchmark& benchmark = self->benchmark_.emplace(options);
    self->description_ = descriptionOf(benchmark.trainer());
    self->work_ = {benchmark.multiplyAdds(), benchmark.featureLength()};
    return [self](Napi::Env) -> Napi::Value { return self->Value(); };
  });
}

BenchmarkObject::BenchmarkObject(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<BenchmarkObject>(info),
      jobs_(info.Env(), *this, [this] { benchmark_.reset(); }) {}

Napi::Value BenchmarkObject::getDescription(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!description_) return env.Undefined();
  Napi::Object multiplyAdds = Napi::Object::New(env);
  multiplyAdds.Set("backbone", static_cast<double>(work_.multiplyAdds.backbone));
  multiplyAdds.Set("head", static_cast<double>(work_.multiplyAdds.head));
  Napi::Object object = descriptionObject(env, *description_);
  object.Set("multiplyAdds", multiplyAdds);
  object.Set("featureLength", static_cast<double>(work_.featureLength));
  return object;
}

Napi::Value BenchmarkObject::steps(const Napi::CallbackInfo& info) {
  const double least = info[0].As<Napi::Number>();
  const bool operators = info[1].As<Napi::String>().Utf8Value() == "operators";
  const auto detail = operators ? Profiler::Detail::kOperators : Profiler::Detail::kPhases;
  return jobs_.submit([this, least, detail](Reporter&) -> ToValue {
    const auto measured = benchmark_->steps(least, detail, jobs_.stopRequested());
    return [measured](Napi::Env env) { return stepsObject(env, measured); };
  });
}

Napi::Value BenchmarkObject::extraction(const Napi::CallbackInfo& info) {
  return submit(info, &Benchmark::extraction);
}

Napi::Value BenchmarkObject::matrixProduct(const Napi::CallbackInfo& info) {
  return submit(info, &Benchmark::matrixProduct);
}

Napi::Value BenchmarkObject::augmentation(const Napi::CallbackInfo& info) {
  return submit(info, &Benchmark::augmentation);
}

Napi::Value BenchmarkObject::submit(const Napi::CallbackInfo& info, Measurement measurement) {
  const double least = info[0].As<Napi::Number>();
  return jobs_.submit([this, least, measurement](Reporter&) -> ToValue {
    return numberValue((*benchmark_.*measurement)(least, jobs_.stopRequested()));
  });
}

Napi::Value BenchmarkObject::knn(const Napi::CallbackInfo& info) {
  const KnnSize size = knnSize(info[0].As<Napi::Object>());
  return jobs_.submit([this, size](Reporter&) -> ToValue {
    return numberValue(benchmark_->knn(size, jobs_.stopRequested()));
  });
}

void BenchmarkObject::stop(const Napi::CallbackInfo&) { jobs_.stop(); }

Napi::Value BenchmarkObject::dispose(const Napi::CallbackInfo&) { return jobs_.dispose(); }

}  // namespace moco::addon
