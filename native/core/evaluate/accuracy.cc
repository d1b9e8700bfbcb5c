#include "core/evaluate/accuracy.h"

#include <algorithm>

namespace moco {
namespace {

/// The classes with the five highest scores, best first, or all if there are fewer.
/// @return  (…, ≤ 5) int64
at::Tensor bestClasses(const at::Tensor& scores) {
  const int64_t most = std::min<int64_t>(5, scores.size(-1));
  // The sort is stable, so that classes with equal scores (such as those that no neighbour votes
  // for) keep their order.
  return scores.argsort(/*stable=*/true, /*dim=*/-1, /*descending=*/true).narrow(-1, 0, most);
}

}  // namespace

at::Tensor hitsOf(const at::Tensor& scores, const at::Tensor& labels) {
  const auto hits = bestClasses(scores).eq(labels.unsqueeze(-1));  // (…, ≤ 5)
  return at::stack({hits.select(-1, 0), hits.any(-1)}, -1);
}

Accuracy accuracyOf(const at::Tensor& scores, const at::Tensor& labels) {
  const auto correct = hitsOf(scores, labels).sum(0).to(at::kCPU);  // (2)
  const auto percent = [&](int64_t which) {
    return 100.0 * static_cast<double>(correct[which].item<int64_t>()) /
           static_cast<double>(scores.size(0));
  };
  return {percent(0), percent(1)};
}

at::Tensor confusionOf(const at::Tensor& scores, const at::Tensor& labels) {
  const int64_t classes = scores.size(1);
  const auto predicted = bestClasses(scores).select(1, 0);
  const auto cells = (labels * classes + predicted).to(at::kCPU);
  return at::bincount(cells, /*weights=*/{}, classes * classes).view({classes, classes});
}

}  // namespace moco
