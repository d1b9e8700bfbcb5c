#pragma once

#include <napi.h>

namespace moco::addon {

/// `convertTensors(source, target)`. Runs on Node's worker pool: it copies bytes and computes
/// nothing, so that no state of PyTorch's threads matters.
Napi::Value convertTensors(const Napi::CallbackInfo& info);

}  // namespace moco::addon
