#pragma once

#include <napi.h>

#include "core/base/failure.h"

namespace moco::addon {

/// A JavaScript `Error` with the failure's message, its `code`, and its `hint` unless that is
/// empty.
Napi::Error errorObject(Napi::Env env, const Failure& failure);

}  // namespace moco::addon
