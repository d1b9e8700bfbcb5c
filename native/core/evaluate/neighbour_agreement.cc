#include "core/evaluate/neighbour_agreement.h"

#include <vector>

#include "core/evaluate/nearest_neighbours.h"
#include "core/evaluate/similarity_blocks.h"

namespace moco {
namespace {

/// The numbers of the nearest others of each picture: (N, k) int64. Of equally near ones the lower
/// number comes first, on every device.
at::Tensor nearestOthers(const at::Tensor& features, int64_t k) {
  constexpr double kBeforeNone = -2;  // below every cosine
  const auto numbers = at::arange(features.size(0), features.options().dtype(at::kLong));
  auto nearest = NearestNeighbours::none(features.size(0), k, features.device());
  eachSimilarityBlock(
      features, features, [&](int64_t begin, int64_t end, const at::Tensor& similarities) {
        ownSimilarities(similarities, begin).fill_(kBeforeNone);
        keepNearest(nearest.slice(begin, end), similarities.to(at::kFloat), numbers);
      });
  return nearest.labels;
}

}  // namespace

double neighbourAgreement(const at::Tensor& first, const at::Tensor& second, int64_t k) {
  const auto ofFirst = nearestOthers(first, k).unsqueeze(2);    // (N, k, 1)
  const auto ofSecond = nearestOthers(second, k).unsqueeze(1);  // (N, 1, k)
  return ofFirst.eq(ofSecond).any(2).to(at::kDouble).mean().item<double>();
}

}  // namespace moco
