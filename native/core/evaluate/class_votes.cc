#include "core/evaluate/class_votes.h"

#include <algorithm>
#include <vector>

#include "core/base/threads.h"
#include "core/evaluate/accuracy.h"

namespace moco {
namespace {

struct Vote {
  int64_t label;
  float weight;
};

/// Adds up the votes for each class, in their order, so that every class is there once.
void sumByClass(std::vector<Vote>& votes) {
  std::stable_sort(votes.begin(), votes.end(),
                   [](const Vote& a, const Vote& b) { return a.label < b.label; });
  size_t kept = 0;
  for (const Vote& vote : votes) {
    if (kept > 0 && votes[kept - 1].label == vote.label) {
      votes[kept - 1].weight += vote.weight;
    } else {
      votes[kept++] = vote;
    }
  }
  votes.resize(kept);
}

/// Leaves the classes with most votes, most first; of equal ones the lower class.
void keepBest(std::vector<Vote>& votes, int64_t most) {
  std::partial_sort(votes.begin(), votes.begin() + most, votes.end(),
                    [](const Vote& a, const Vote& b) {
                      return a.weight != b.weight ? a.weight > b.weight : a.label < b.label;
                    });
  votes.resize(most);
}

}  // namespace

BestVotes countVotes(const at::Tensor& weights, const at::Tensor& labels, int64_t classes) {
  const int64_t queries = weights.size(0);
  const int64_t neighbours = weights.size(1);
  const int64_t most = std::min(kBestClasses, classes);
  const auto weightsHere = weights.cpu().contiguous();
  const auto labelsHere = labels.cpu().contiguous();
  const float* const weightOf = weightsHere.const_data_ptr<float>();
  const int64_t* const labelOf = labelsHere.const_data_ptr<int64_t>();
  BestVotes best{at::empty({queries, most}, at::kLong), at::empty({queries, most}, at::kFloat)};
  auto* const bestClasses = best.classes.mutable_data_ptr<int64_t>();
  auto* const bestVotes = best.votes.mutable_data_ptr<float>();
  parallelFor(queries, [&](int64_t begin, int64_t end) {
    std::vector<Vote> votes;
    for (int64_t query = begin; query < end; ++query) {
      // With the lowest classes, the best five are there even if neighbours vote for fewer: those
      // without any vote rank by their number.
      votes.clear();
      for (int64_t label = 0; label < most; ++label) votes.push_back({label, 0});
      for (int64_t i = query * neighbours; i < (query + 1) * neighbours; ++i) {
        votes.push_back({labelOf[i], weightOf[i]});
      }
      sumByClass(votes);
      keepBest(votes, most);
      for (int64_t place = 0; place < most; ++place) {
        bestClasses[query * most + place] = votes[place].label;
        bestVotes[query * most + place] = votes[place].weight;
      }
    }
  });
  return best;
}

}  // namespace moco
