#include "core/ops/normalise_rows.h"

namespace moco {

at::Tensor normaliseRows(const at::Tensor& x) {
  constexpr double kSmallestNorm = 1e-12;
  return x / x.norm(2, /*dim=*/1, /*keepdim=*/true).clamp_min(kSmallestNorm);
}

}  // namespace moco
