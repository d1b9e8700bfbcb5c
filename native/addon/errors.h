#pragma once

#include <napi.h>

#include <exception>
#include <string>

namespace moco::addon {

/// A C++ exception in the form in which it crosses the border.
struct Failure {
  std::string code;
  std::string message;
  std::string hint;
};

Failure describe(const std::exception_ptr& exception);

/// An `Error` with `code` and, where there is one, `hint`.
Napi::Error errorObject(Napi::Env env, const Failure& failure);

}  // namespace moco::addon
