#pragma once

#include <napi.h>

#include <cstdint>

#include "core/run/memory_plan.h"

namespace moco::addon {

/// A `NativeMemoryPlan` of src/native/trainer.ts.
/// @param available  the memory that there is for the plan, in bytes
Napi::Object memoryPlanObject(Napi::Env env, const MemoryPlan& plan, int64_t available);

/// `chooseBatchSize(config, pictures)` of src/native/addon.ts.
Napi::Value chooseBatchSize(const Napi::CallbackInfo& info);

}  // namespace moco::addon
