#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace moco {

/// A failure that the user can act on. `code` is stable (`ERR_MOCO_…`), `what()` names the value
/// that is wrong and where it stands, `hint` says what to do.
class Error : public std::runtime_error {
 public:
  Error(std::string code, const std::string& message, std::string hint = {})
      : std::runtime_error(message), code(std::move(code)), hint(std::move(hint)) {}

  const std::string code;
  const std::string hint;
};

}  // namespace moco
