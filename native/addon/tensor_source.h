#pragma once

#include <napi.h>

#include "core/files/tensor_file.h"

namespace moco::addon {

/// The tensors of a `NativeTensorSource` of src/native/input.ts, not read yet.
/// @throws Napi::Error  where a property is missing or of another type
TensorSource tensorSource(const Napi::Object& source);

}  // namespace moco::addon
