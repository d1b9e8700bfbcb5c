#include "addon/errors.h"

namespace moco::addon {

Napi::Error errorObject(Napi::Env env, const Failure& failure) {
  Napi::Error error = Napi::Error::New(env, failure.message);
  error.Set("code", Napi::String::New(env, failure.code));
  if (!failure.hint.empty()) error.Set("hint", Napi::String::New(env, failure.hint));
  return error;
}

}  // namespace moco::addon
