#include "addon/model_export.h"

#include <c10/util/accumulate.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "addon/pool_task.h"
#include "addon/properties.h"
#include "addon/tensor_source.h"
#include "core/base/thread_team.h"
#include "core/files/torchscript_writer.h"

namespace moco::addon {
namespace {

/// Row-major fp32 on the CPU.
std::vector<at::Tensor> valuesOf(const TensorSource& source) {
  startThreadTeam();
  std::vector<at::Tensor> values;
  for (const auto& [name, tensor] : readTensors(source)) {
    values.push_back(tensor.to(at::kFloat).contiguous());
  }
  return values;
}

Napi::Value arraysOf(Napi::Env env, const std::vector<at::Tensor>& values) {
  Napi::Array arrays = Napi::Array::New(env, values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    auto array = Napi::Float32Array::New(env, values[i].numel());
    std::memcpy(array.Data(), values[i].const_data_ptr(), values[i].nbytes());
    arrays.Set(i, array);
  }
  return arrays;
}

/// A tensor over the memory of a Float32Array.
std::pair<std::string, at::Tensor> viewOf(const Napi::Object& tensor) {
  std::vector<int64_t> shape;
  for (const double length : numbers(tensor, "shape"))
    shape.push_back(static_cast<int64_t>(length));
  const auto elements = static_cast<int64_t>(c10::multiply_integers(shape));
  const auto* data = addon::elements<float>(tensor, "data", elements);
  return {string(tensor, "name"), at::from_blob(const_cast<float*>(data), shape, at::kFloat)};
}

}  // namespace

Napi::Value readTensorValues(const Napi::CallbackInfo& info) {
  const auto work = [source = tensorSource(info[0].As<Napi::Object>())]() -> ToValue {
    return [values = valuesOf(source)](Napi::Env env) { return arraysOf(env, values); };
  };
  return runOnPool(info.Env(), work);
}

Napi::Value writeTorchScriptFile(const Napi::CallbackInfo& info) {
  const auto target = info[0].As<Napi::Object>();
  const auto tensors = info[1].As<Napi::Array>();
  StateDict state;
  for (uint32_t i = 0; i < tensors.Length(); ++i) {
    state.push_back(viewOf(tensors.Get(i).As<Napi::Object>()));
  }
  const auto work = [state, path = string(target, "path"), methods = string(target, "methods"),
                     description = string(target, "description")]() -> ToValue {
    AtomicFile file(path);
    writeTorchScript(file, state, methods, description);
    file.commitNew();
    return undefined;
  };
  return runOnPool(info.Env(), work, tensors);
}

}  // namespace moco::addon
