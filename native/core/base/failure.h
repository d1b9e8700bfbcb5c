#pragma once

#include <exception>
#include <string>

namespace moco {

/// A failure as the user hears of it.
struct Failure {
  std::string code, message, hint;
};

/// What an exception of ours, of LibTorch or of the standard library stands for. A GPU that has
/// failed is ERR_MOCO_DEVICE, memory that is used up ERR_MOCO_OUT_OF_MEMORY, whoever reports it;
/// what the user cannot help is ERR_MOCO_NATIVE.
Failure describe(const std::exception_ptr& exception);

}  // namespace moco
