#pragma once

#include <napi.h>

#include <functional>

#include "addon/jobs.h"

namespace moco::addon {

/// Runs work on Node's worker pool, which a process that exits does not wait for: the work must
/// only copy bytes, and nothing of it may depend on the grad mode or the number of threads that
/// PyTorch keeps for each thread.
/// @param work       what it throws rejects the promise
/// @param keepAlive  a value that is not collected before the work has ended
/// @return           a promise of what the work returns
Napi::Promise runOnPool(Napi::Env env, std::function<ToValue()> work, Napi::Value keepAlive = {});

}  // namespace moco::addon
