#include "core/knn.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace moco {

KnnVote::KnnVote(at::Tensor queries, int64_t neighbours)
    : queries_(std::move(queries)),
      neighbours_(neighbours),
      similarities_(at::empty({queries_.size(0), 0}, queries_.options())),
      labels_(at::empty({queries_.size(0), 0}, queries_.options().dtype(at::kLong))) {}

void KnnVote::addBank(const at::Tensor& features, const at::Tensor& labels) {
  const auto similarities = at::cat({similarities_, at::mm(queries_, features.t())}, 1);
  const auto candidates = at::cat({labels_, labels.expand({queries_.size(0), labels.size(0)})}, 1);
  const auto kept = std::min(neighbours_, similarities.size(1));
  const auto [best, where] = similarities.topk(kept, /*dim=*/1, /*largest=*/true, /*sorted=*/true);
  similarities_ = best;
  labels_ = candidates.gather(1, where);
}

at::Tensor KnnVote::scores(double temperature, int64_t classes) const {
  const auto weights = similarities_.div(temperature).exp_();
  // Not scatter_add, which on a GPU adds in an order that changes from run to run.
  std::vector<at::Tensor> byClass;
  for (int64_t label = 0; label < classes; ++label) {
    byClass.push_back(weights.mul(labels_.eq(label)).sum(1));
  }
  return at::stack(byClass, 1);
}

}  // namespace moco
