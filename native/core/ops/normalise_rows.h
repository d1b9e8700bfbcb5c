#pragma once

#include <ATen/ATen.h>

namespace moco {

/// Divides every row by its length, x / max(‖x‖₂, 1e-12), as PyTorch's `normalize` does.
/// @param x  (rows, length)
at::Tensor normaliseRows(const at::Tensor& x);

}  // namespace moco
