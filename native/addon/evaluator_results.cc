#include "addon/evaluator_results.h"

#include <algorithm>

namespace moco::addon {
namespace {

Napi::Float64Array float64Array(Napi::Env env, const at::Tensor& values) {
  const auto doubles = values.to(at::kDouble).contiguous();
  auto array = Napi::Float64Array::New(env, static_cast<size_t>(doubles.numel()));
  std::copy_n(doubles.const_data_ptr<double>(), doubles.numel(), array.Data());
  return array;
}

}  // namespace

Napi::Object metricsObject(Napi::Env env, const LinearMetrics& metrics) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("loss", metrics.loss);
  object.Set("top1", metrics.accuracy.top1);
  object.Set("top5", metrics.accuracy.top5);
  return object;
}

Napi::Array knnArray(Napi::Env env, const std::vector<KnnResult>& results) {
  Napi::Array array = Napi::Array::New(env);
  for (const auto& result : results) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("temperature", result.temperature);
    object.Set("top1", result.accuracy.top1);
    object.Set("top5", result.accuracy.top5);
    object.Set("pictures", float64Array(env, result.perClass.pictures));
    object.Set("right", float64Array(env, result.perClass.right));
    object.Set("confusion",
               result.confusion.defined() ? float64Array(env, result.confusion) : env.Undefined());
    array.Set(array.Length(), object);
  }
  return array;
}

Napi::Array sweepArray(Napi::Env env, const std::vector<SweepResult>& results) {
  Napi::Array array = Napi::Array::New(env);
  for (const auto& result : results) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("learningRate", result.learningRate);
    object.Set("train", metricsObject(env, result.train));
    object.Set("validation",
               result.validation ? metricsObject(env, *result.validation) : env.Undefined());
    object.Set("test", metricsObject(env, result.test));
    array.Set(array.Length(), object);
  }
  return array;
}

Napi::Object nearestObject(Napi::Env env, const NearestPictures& found) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("pictures", float64Array(env, found.pictures.cpu()));
  object.Set("similarities", float64Array(env, found.similarities.cpu()));
  return object;
}

}  // namespace moco::addon
