#include "core/evaluate/accuracy.h"

#include <algorithm>

namespace moco {

at::Tensor bestClasses(const at::Tensor& scores) {
  const int64_t most = std::min(kBestClasses, scores.size(-1));
  // The sort is stable, so that classes with equal scores (such as those that no neighbour votes
  // for) keep their order.
  return scores.argsort(/*stable=*/true, /*dim=*/-1, /*descending=*/true).narrow(-1, 0, most);
}

at::Tensor hitsOf(const at::Tensor& best, const at::Tensor& labels) {
  const auto hits = best.eq(labels.unsqueeze(-1));  // (…, ≤ 5)
  return at::stack({hits.select(-1, 0), hits.any(-1)}, -1);
}

Accuracy accuracyOf(const at::Tensor& best, const at::Tensor& labels) {
  const auto correct = hitsOf(best, labels).sum(0).to(at::kCPU);  // (2)
  const auto percent = [&](int64_t which) {
    return 100.0 * static_cast<double>(correct[which].item<int64_t>()) /
           static_cast<double>(best.size(0));
  };
  return {percent(0), percent(1)};
}

ClassCounts classCountsOf(const at::Tensor& best, const at::Tensor& labels, int64_t classes) {
  const auto onCpu = labels.to(at::kCPU);
  const auto isRight = best.select(1, 0).to(at::kCPU).eq(onCpu);
  return {at::bincount(onCpu, /*weights=*/{}, classes),
          at::bincount(onCpu.masked_select(isRight), /*weights=*/{}, classes)};
}

at::Tensor confusionOf(const at::Tensor& best, const at::Tensor& labels, int64_t classes) {
  const auto cells = (labels * classes + best.select(1, 0)).to(at::kCPU);
  return at::bincount(cells, /*weights=*/{}, classes * classes).view({classes, classes});
}

}  // namespace moco
