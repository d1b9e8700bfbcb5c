#include "core/model/shared_zeros.h"

#include <c10/util/accumulate.h>

namespace moco {

at::Tensor SharedZeros::channelsLast(at::IntArrayRef shape, const at::TensorOptions& options) {
  const int64_t length = c10::multiply_integers(shape);
  if (buffers_.empty() || buffers_.back().numel() < length) {
    buffers_.push_back(at::zeros({length}, options));
  }
  return buffers_.back()
      .narrow(0, 0, length)
      .view({shape[0], shape[2], shape[3], shape[1]})
      .permute({0, 3, 1, 2});
}

}  // namespace moco
