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

Accuracy accuracyOf(const at::Tensor& scores, const at::Tensor& labels) {
  const int64_t most = std::min<int64_t>(5, scores.size(1));
  // Stable, so that classes with equal scores (none of the neighbours' votes) keep their order.
  const auto ranked = scores.argsort(/*stable=*/true, /*dim=*/1, /*descending=*/true)
                          .narrow(1, 0, most);       // (Q, ≤ 5)
  const auto hits = ranked.eq(labels.unsqueeze(1));  // (Q, ≤ 5)
  const auto percent = [](const at::Tensor& hit) {
    return 100.0 * static_cast<double>(hit.sum().item<int64_t>()) /
           static_cast<double>(hit.size(0));
  };
  return {percent(hits.select(1, 0)), percent(hits.any(1))};
}

}  // namespace moco
