#pragma once

#include <napi.h>

#include "core/device/caching_allocator.h"

namespace moco::addon {

/// `hardware()` of src/native/addon.ts.
Napi::Value hardware(const Napi::CallbackInfo& info);
/// A `NativeMemory` of src/native/machine.ts.
Napi::Object memoryObject(Napi::Env env, const CachedMemory& memory);

}  // namespace moco::addon
