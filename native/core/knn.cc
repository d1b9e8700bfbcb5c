#include "core/knn.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace moco {

namespace {

/// Queries whose similarities are computed at once on the CPU, so that they are still in the cache
/// when they are looked through. A GPU is faster with all at once.
constexpr int64_t kBlock = 512;

}  // namespace

KnnVote::KnnVote(at::Tensor queries, int64_t neighbours)
    : queries_(std::move(queries)),
      nearest_(NearestNeighbours::none(queries_.size(0), neighbours, queries_.device())) {}

void KnnVote::addBank(const at::Tensor& features, const at::Tensor& labels) {
  const int64_t count = queries_.size(0);
  const int64_t block = queries_.is_cpu() ? kBlock : count;
  for (int64_t begin = 0; begin < count; begin += block) {
    const int64_t end = std::min(begin + block, count);
    const auto similarities = at::mm(queries_.slice(0, begin, end), features.t());
    keepNearest(nearest_.slice(begin, end), similarities, labels);
  }
}

at::Tensor KnnVote::scores(double temperature, int64_t classes) const {
  const auto weights = nearest_.similarities.div(temperature).exp_();
  // Not scatter_add, which on a GPU adds in an order that changes from run to run.
  std::vector<at::Tensor> byClass;
  for (int64_t label = 0; label < classes; ++label) {
    byClass.push_back(weights.mul(nearest_.labels.eq(label)).sum(1));
  }
  return at::stack(byClass, 1);
}

}  // namespace moco
