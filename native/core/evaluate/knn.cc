#include "core/evaluate/knn.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace moco {

namespace {

/// The number of queries whose similarities the CPU computes at once, so that these are still in
/// the cache when the nearest are selected. A GPU takes all queries at once, which is faster there.
constexpr int64_t kBlock = 512;

/// The number of similarities that a GPU computes at once. Selecting the nearest takes
/// `kSelectedBytes` for each.
constexpr int64_t kSimilaritiesAtOnce = int64_t{1} << 25;
/// The most features that are gathered: with more of them, matrix products do not become faster.
constexpr int64_t kLongestPiece = 8192;

}  // namespace

int64_t KnnVote::pieceLength(const at::Device& device, int64_t queries) {
  if (device.is_cpu()) return 0;
  return std::clamp<int64_t>(kSimilaritiesAtOnce / std::max<int64_t>(queries, 1), 1, kLongestPiece);
}

KnnVote::KnnVote(at::Tensor queries, int64_t neighbours, int64_t piece)
    : queries_(std::move(queries)),
      nearest_(NearestNeighbours::none(queries_.size(0), neighbours, queries_.device())),
      piece_(piece) {}

KnnVote::KnnVote(const at::Tensor& queries, int64_t neighbours)
    : KnnVote(queries, neighbours, pieceLength(queries.device(), queries.size(0))) {}

void KnnVote::addBank(const at::Tensor& features, const at::Tensor& labels) {
  if (piece_ == 0) return compare(features, labels);
  if (!gatheredFeatures_.defined()) {
    gatheredFeatures_ = features.new_empty({piece_, features.size(1)});
    gatheredLabels_ = labels.new_empty({piece_});
  }
  for (int64_t begin = 0; begin < features.size(0);) {
    const int64_t count = std::min(features.size(0) - begin, piece_ - gathered_);
    gatheredFeatures_.narrow(0, gathered_, count).copy_(features.narrow(0, begin, count));
    gatheredLabels_.narrow(0, gathered_, count).copy_(labels.narrow(0, begin, count));
    begin += count;
    gathered_ += count;
    if (gathered_ == piece_) compareGathered();
  }
}

void KnnVote::compareGathered() {
  if (gathered_ == 0) return;
  compare(gatheredFeatures_.narrow(0, 0, gathered_), gatheredLabels_.narrow(0, 0, gathered_));
  gathered_ = 0;
}

void KnnVote::compare(const at::Tensor& features, const at::Tensor& labels) {
  const int64_t count = queries_.size(0);
  const int64_t block = queries_.is_cpu() ? kBlock : count;
  for (int64_t begin = 0; begin < count; begin += block) {
    const int64_t end = std::min(begin + block, count);
    const auto similarities = at::mm(queries_.slice(0, begin, end), features.t());
    keepNearest(nearest_.slice(begin, end), similarities, labels);
  }
}

at::Tensor KnnVote::weights(double temperature) {
  compareGathered();
  return nearest_.similarities.div(temperature).exp_();
}

at::Tensor KnnVote::scores(double temperature, int64_t classes) {
  const auto weight = weights(temperature);
  // One sum for each class, and not scatter_add, which on a GPU adds in an order that changes from
  // run to run.
  std::vector<at::Tensor> byClass;
  byClass.reserve(classes);
  for (int64_t label = 0; label < classes; ++label) {
    byClass.push_back(weight.mul(nearest_.labels.eq(label)).sum(1));
  }
  return at::stack(byClass, 1);
}

BestVotes KnnVote::bestVotes(double temperature, int64_t classes) {
  return countVotes(weights(temperature), nearest_.labels, classes);
}

}  // namespace moco
