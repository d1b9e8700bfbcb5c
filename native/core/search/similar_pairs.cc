#include "core/search/similar_pairs.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

namespace moco {
namespace {

bool isMoreSimilar(const SimilarPair& a, const SimilarPair& b) {
  if (a.similarity != b.similarity) return a.similarity > b.similarity;
  return std::tie(a.first, a.second) < std::tie(b.first, b.second);
}

}  // namespace

SimilarPairs::SimilarPairs(int64_t count, float threshold, int64_t most)
    : threshold_(threshold), most_(most), leaders_(count) {
  std::iota(leaders_.begin(), leaders_.end(), 0);
}

void SimilarPairs::offer(int64_t query, int64_t row, float similarity) {
  const int64_t first = firstQuery_ + query;
  if (row <= first || similarity < threshold_) return;
  const std::lock_guard lock(mutex_);
  ++pairCount_;
  pairs_.push_back({.similarity = similarity, .first = first, .second = row});
  if (std::ssize(pairs_) >= 2 * most_ + 1) keepMostSimilar();
  const int64_t one = leaderOf(first);
  const int64_t other = leaderOf(row);
  leaders_[std::max(one, other)] = std::min(one, other);
}

int64_t SimilarPairs::leaderOf(int64_t row) {
  while (leaders_[row] != row) {
    leaders_[row] = leaders_[leaders_[row]];  // so that the next look takes half the steps
    row = leaders_[row];
  }
  return row;
}

void SimilarPairs::keepMostSimilar() {
  if (std::ssize(pairs_) <= most_) return;
  std::nth_element(pairs_.begin(), pairs_.begin() + most_, pairs_.end(), isMoreSimilar);
  pairs_.resize(most_);
}

SimilarRows SimilarPairs::take() {
  keepMostSimilar();
  std::sort(pairs_.begin(), pairs_.end(), isMoreSimilar);
  std::vector<std::vector<int64_t>> members(leaders_.size());
  for (int64_t row = 0; row < std::ssize(leaders_); ++row) members[leaderOf(row)].push_back(row);
  std::erase_if(members, [](const auto& group) { return group.size() < 2; });
  return {.pairCount = pairCount_, .pairs = std::move(pairs_), .groups = std::move(members)};
}

}  // namespace moco
