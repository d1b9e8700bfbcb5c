#include "core/evaluate/effective_rank.h"

#include <cmath>
#include <limits>

namespace moco {
namespace {

constexpr double kEpsilon = 1e-7;

/// The singular values of a matrix, from the eigenvalues of the smaller of its two Gram matrices:
/// in fp64 those are as exact as a decomposition of the matrix in fp32, and take a quarter of the
/// time.
at::Tensor singularValues(const at::Tensor& matrix) {
  const auto wide = matrix.to(at::kDouble);
  const bool isTall = wide.size(0) > wide.size(1);
  const auto gram = isTall ? at::mm(wide.t(), wide) : at::mm(wide, wide.t());
  return at::linalg_eigvalsh(gram.cpu()).clamp_min_(0).sqrt_();
}

}  // namespace

double effectiveRank(const at::Tensor& features) {
  const auto values = singularValues(features);
  const double sum = values.sum().item<double>();
  // Of features that are all zero, no dimension is used.
  const auto shares = values.div(std::max(sum, std::numeric_limits<double>::min())).add_(kEpsilon);
  return std::exp(-shares.mul(shares.log()).sum().item<double>());
}

}  // namespace moco
