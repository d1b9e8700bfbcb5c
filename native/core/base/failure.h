#pragma once

#include <exception>
#include <string>

namespace moco {

/// What the user is told about a failure. The fields are those of `Error`.
struct Failure {
  std::string code, message, hint;
};

/// Translates an exception of any kind. An `Error` keeps its code, message and hint. A GPU that has
/// failed becomes ERR_MOCO_DEVICE and memory that is used up ERR_MOCO_OUT_OF_MEMORY, whichever
/// library reports it. Everything else is a defect that the user can only report: ERR_MOCO_NATIVE.
Failure describe(const std::exception_ptr& exception);

}  // namespace moco
