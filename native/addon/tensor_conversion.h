#pragma once

#include <napi.h>

namespace moco::addon {

/// `convertTensors(source, target)` of src/native/addon.ts. The work runs on Node's worker pool,
/// which is safe because it only copies bytes: nothing of it depends on the grad mode or the number
/// of threads that PyTorch keeps for each thread.
Napi::Value convertTensors(const Napi::CallbackInfo& info);

}  // namespace moco::addon
