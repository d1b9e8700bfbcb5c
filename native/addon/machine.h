#pragma once

#include <napi.h>

namespace moco::addon {

/// `hardware()`.
Napi::Value hardware(const Napi::CallbackInfo& info);
/// `NativeMemory`, as it is now.
Napi::Object memoryObject(Napi::Env env);

}  // namespace moco::addon
