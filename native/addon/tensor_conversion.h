#pragma once

#include <napi.h>

namespace moco::addon {

/// `convertTensors(source, target)` of src/native/addon.ts.
Napi::Value convertTensors(const Napi::CallbackInfo& info);

}  // namespace moco::addon
