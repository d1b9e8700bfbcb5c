#include "core/evaluate/alignment.h"

namespace moco {

double alignment(const at::Tensor& first, const at::Tensor& second) {
  return (first - second).square().sum(1).mean(at::kDouble).item<double>();
}

}  // namespace moco
