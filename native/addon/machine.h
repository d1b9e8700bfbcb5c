#pragma once

#include <napi.h>

#include "core/device/caching_allocator.h"

namespace moco::addon {

/// `hardware()`.
Napi::Value hardware(const Napi::CallbackInfo& info);
/// `NativeMemory`.
Napi::Object memoryObject(Napi::Env env, const CachedMemory& memory);

}  // namespace moco::addon
