#pragma once

#include <napi.h>

#include "core/device/device.h"

namespace moco::addon {

/// `NativeGpuOptions` of src/native/addon.ts.
struct GpuOptions {
  Arithmetic arithmetic;
  bool cudaGraph = true;
};

/// The property `gpu`, or the defaults.
GpuOptions gpuOptions(const Napi::Object& options);

}  // namespace moco::addon
