#include "core/search/nearest_rows.h"

#include <algorithm>
#include <utility>

namespace moco {
namespace {

bool isNearer(const SimilarRow& a, const SimilarRow& b) {
  return a.similarity != b.similarity ? a.similarity > b.similarity : a.row < b.row;
}

}  // namespace

void NearestRows::offer(SimilarRow candidate) {
  if (candidate.similarity < threshold()) return;
  const std::lock_guard lock(mutex_);
  if (std::ssize(kept_) == k_) {
    if (!isNearer(candidate, kept_.front())) return;
    std::pop_heap(kept_.begin(), kept_.end(), isNearer);
    kept_.pop_back();
  }
  kept_.push_back(candidate);
  std::push_heap(kept_.begin(), kept_.end(), isNearer);
  if (std::ssize(kept_) == k_) threshold_ = kept_.front().similarity;
}

std::vector<SimilarRow> NearestRows::take() {
  std::sort_heap(kept_.begin(), kept_.end(), isNearer);
  return std::move(kept_);
}

}  // namespace moco
