#pragma once

#include <cstdint>
#include <optional>

namespace moco {

/// A number among settings that a configuration may leave out altogether.
struct OptionalCount {
  std::optional<int64_t> value;
};

}  // namespace moco
