#pragma once

#include <ATen/ATen.h>

namespace moco {

/// @param x  (B, C, H, W)
/// @return   the same numbers, each pixel's channels side by side in memory; `x` itself where they
///           lie so already
inline at::Tensor channelsLast(const at::Tensor& x) {
  return x.contiguous(at::MemoryFormat::ChannelsLast);
}

}  // namespace moco
