#pragma once

#include <napi.h>

#include "core/files/tensor_file.h"

namespace moco::addon {

/// A `NativeTensorSource`.
/// @throws Napi::Error  where a property is missing or of another type
TensorSource tensorSource(const Napi::Object& source);

}  // namespace moco::addon
