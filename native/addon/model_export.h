#pragma once

#include <napi.h>

namespace moco::addon {

/// `readTensors(source)` of src/native/addon.ts.
Napi::Value readTensorValues(const Napi::CallbackInfo& info);

/// `writeTorchScript(target, tensors)` of src/native/addon.ts.
Napi::Value writeTorchScriptFile(const Napi::CallbackInfo& info);

}  // namespace moco::addon
