#include "core/evaluate/dimension_spread.h"

#include <cmath>

namespace moco {

double dimensionSpread(const at::Tensor& projections) {
  const auto deviations = projections.to(at::kDouble).std(/*dim=*/0);  // (D)
  return std::sqrt(static_cast<double>(projections.size(1))) * deviations.mean().item<double>();
}

}  // namespace moco
