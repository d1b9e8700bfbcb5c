#pragma once

#include <napi.h>

#include <cstdint>

#include "core/run/memory_plan.h"

namespace moco::addon {

/// `NativeMemoryPlan` of src/native/addon.ts.
Napi::Object memoryPlanObject(Napi::Env env, const MemoryPlan& plan, int64_t available);

/// `chooseBatchSize(demand)`.
Napi::Value chooseBatchSize(const Napi::CallbackInfo& info);

}  // namespace moco::addon
