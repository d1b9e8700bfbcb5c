#pragma once

#include <ATen/ATen.h>

#include <vector>

namespace moco {

/// Tensors of zeros that share their memory. It is as large as the largest of them, and never given
/// back while this object or a tensor is there: a recorded CUDA graph may read it.
class SharedZeros {
 public:
  /// Zeros that must not be written to.
  /// @param shape    (B, C, H, W)
  /// @param options  type and device, the same in all calls
  /// @return         channels last
  at::Tensor channelsLast(at::IntArrayRef shape, const at::TensorOptions& options);

 private:
  std::vector<at::Tensor> buffers_;  // one-dimensional; each is larger than the one before it
};

}  // namespace moco
