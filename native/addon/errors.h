#pragma once

#include <napi.h>

#include "core/base/failure.h"

namespace moco::addon {

/// An `Error` with `code` and, where there is one, `hint`.
Napi::Error errorObject(Napi::Env env, const Failure& failure);

}  // namespace moco::addon
