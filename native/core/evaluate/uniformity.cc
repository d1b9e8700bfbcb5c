#include "core/evaluate/uniformity.h"

#include <cmath>
#include <limits>

#include "core/evaluate/similarity_blocks.h"

namespace moco {
namespace {

constexpr double kT = 2;

}  // namespace

double uniformity(const at::Tensor& projections) {
  const int64_t count = projections.size(0);
  double sum = 0;
  eachSimilarityBlock(
      projections, projections, [&](int64_t begin, int64_t, const at::Tensor& similarities) {
        // A picture makes no pair with itself.
        ownSimilarities(similarities, begin).fill_(-std::numeric_limits<double>::infinity());
        const auto squares = similarities.mul(-2).add_(2).clamp_min_(0);  // ‖x − y‖² = 2 − 2 x·y
        sum += squares.mul_(-kT).exp_().sum(at::kDouble).item<double>();
      });
  return std::log(sum / static_cast<double>(count * (count - 1)));
}

}  // namespace moco
