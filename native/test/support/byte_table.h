#pragma once

#include <vector>

namespace moco {

/// A table for `applyView` and `pillow::interleave` that replaces every byte by itself, as a float.
inline std::vector<float> byteTable() {
  std::vector<float> table;
  for (int channel = 0; channel < 3; ++channel) {
    for (int value = 0; value < 256; ++value) table.push_back(static_cast<float>(value));
  }
  return table;
}

}  // namespace moco
