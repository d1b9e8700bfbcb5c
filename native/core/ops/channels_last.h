#pragma once

#include <ATen/ATen.h>

namespace moco {

/// @param x  (B, C, H, W)
/// @return   its numbers with each pixel's channels side by side; `x` itself where they are so
inline at::Tensor channelsLast(const at::Tensor& x) {
  return x.contiguous(at::MemoryFormat::ChannelsLast);
}

}  // namespace moco
