#pragma once

#include <cstdint>
#include <string>

namespace moco {

/// Reads a part of an open file, whole.
/// @param target  `size` bytes
/// @return        why it cannot be read; empty if it was
std::string readAt(int descriptor, int64_t offset, void* target, int64_t size);

}  // namespace moco
