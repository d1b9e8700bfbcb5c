#include <napi.h>
#include <torch/version.h>

#include <exception>
#include <string>
#include <vector>

#include "addon/benchmark_object.h"
#include "addon/encoder_object.h"
#include "addon/errors.h"
#include "addon/evaluator_object.h"
#include "addon/group_object.h"
#include "addon/jobs.h"
#include "addon/machine.h"
#include "addon/memory_plan.h"
#include "addon/model_export.h"
#include "addon/searcher_object.h"
#include "addon/settings.h"
#include "addon/snapshot_object.h"
#include "addon/tensor_conversion.h"
#include "addon/trainer_object.h"
#include "core/base/error.h"
#include "core/device/cuda_kernels.h"
#include "core/model/encoder.h"

namespace moco::addon {
namespace {

Napi::Array layoutArray(Napi::Env env, const std::vector<TensorSpec>& layout) {
  Napi::Array array = Napi::Array::New(env);
  for (const auto& spec : layout) {
    Napi::Array shape = Napi::Array::New(env);
    for (const int64_t length : spec.shape) {
      shape.Set(shape.Length(), static_cast<double>(length));
    }
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("name", spec.name);
    entry.Set("shape", shape);
    array.Set(array.Length(), entry);
  }
  return array;
}

/// The settings of an encoder that a model file shows.
struct ModelSettings {
  EncoderSettings encoder;

  template <class Visit>
  void each(Visit&& visit) {
    encoder.eachOfBackbone(visit);
    encoder.eachOfHead(visit);
  }
};

/// `encoderLayout(encoder)` of src/native/addon.ts.
Napi::Value layoutOf(const Napi::CallbackInfo& info) {
  try {
    const auto settings = settingsOf<ModelSettings>(info[0].As<Napi::Object>());
    return layoutArray(info.Env(), encoderLayout(settings.encoder));
  } catch (const Error&) {
    throw errorObject(info.Env(), describe(std::current_exception()));
  }
}

/// `cudaKernelsUnavailable()` of src/native/addon.ts.
Napi::Value kernelsUnavailable(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), cudaKernelsUnavailable());
}

/// `memory()` of src/native/addon.ts.
Napi::Value memory(const Napi::CallbackInfo& info) {
  return memoryObject(info.Env(), cachedMemory());
}

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Environment);  // which Node deletes when the environment ends
  TrainerObject::define(env);
  EvaluatorObject::define(env);
  BenchmarkObject::define(env);
  EncoderObject::define(env);
  SnapshotObject::define(env);
  SearcherObject::define(env);
  GroupObject::define(env);
  exports.Set("libtorchVersion", std::to_string(TORCH_VERSION_MAJOR) + "." +
                                     std::to_string(TORCH_VERSION_MINOR) + "." +
                                     std::to_string(TORCH_VERSION_PATCH));
  exports.Set("createTrainer", Napi::Function::New(env, TrainerObject::create));
  exports.Set("createEvaluator", Napi::Function::New(env, EvaluatorObject::create));
  exports.Set("createBenchmark", Napi::Function::New(env, BenchmarkObject::create));
  exports.Set("createEncoder", Napi::Function::New(env, EncoderObject::create));
  exports.Set("createSearcher", Napi::Function::New(env, SearcherObject::create));
  exports.Set("createGroup", Napi::Function::New(env, GroupObject::create));
  exports.Set("chooseBatchSize", Napi::Function::New(env, chooseBatchSize));
  exports.Set("convertTensors", Napi::Function::New(env, convertTensors));
  exports.Set("encoderLayout", Napi::Function::New(env, layoutOf));
  exports.Set("readTensors", Napi::Function::New(env, readTensorValues));
  exports.Set("writeTorchScript", Napi::Function::New(env, writeTorchScriptFile));
  exports.Set("hardware", Napi::Function::New(env, hardware));
  exports.Set("cudaKernelsUnavailable", Napi::Function::New(env, kernelsUnavailable));
  exports.Set("memory", Napi::Function::New(env, memory));
  return exports;
}

}  // namespace
}  // namespace moco::addon

// The macro declares the module's entry point, and needs a function outside of the namespace for
// it.
static Napi::Object initialiseModule(Napi::Env env, Napi::Object exports) {
  return moco::addon::initialise(env, exports);
}
NODE_API_MODULE(moco, initialiseModule)
