#include "core/evaluate/nearest_neighbours.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <vector>

#include "core/base/threads.h"

namespace moco {
namespace {

struct Candidate {
  float similarity;
  int64_t label;
};

bool isNearer(const Candidate& a, const Candidate& b) { return a.similarity > b.similarity; }

/// The neighbours of one query.
struct Row {
  float* similarities;
  int64_t* labels;
  int64_t length;

  void set(int64_t place, const Candidate& value) const {
    similarities[place] = value.similarity;
    labels[place] = value.label;
  }
  Candidate at(int64_t place) const { return {similarities[place], labels[place]}; }
};

/// Finds the candidates that are nearer than the last neighbour of a row, nearest first. Late in a
/// bank there are few of them.
void findNearer(const Row& row, const float* similarities, const int64_t* labels, int64_t count,
                std::vector<Candidate>& nearer) {
  const float last = row.similarities[row.length - 1];
  nearer.clear();
  for (int64_t i = 0; i < count; ++i) {
    if (similarities[i] > last) nearer.push_back({similarities[i], labels[i]});
  }
  std::stable_sort(nearer.begin(), nearer.end(), isNearer);
  if (std::ssize(nearer) > row.length) nearer.resize(row.length);
}

/// Merges sorted candidates into a row. The row keeps its length: of its neighbours and the
/// candidates together, as many of the farthest drop out as there are candidates. Filling the row
/// from its end makes it possible in place.
void merge(const Row& row, const std::vector<Candidate>& nearer) {
  int64_t old = row.length - 1;
  int64_t fresh = std::ssize(nearer) - 1;
  const auto oldIsLast = [&] { return row.similarities[old] < nearer[fresh].similarity; };
  for (int64_t drop = std::ssize(nearer); drop > 0; --drop) oldIsLast() ? --old : --fresh;
  for (int64_t place = row.length - 1; fresh >= 0; --place) {
    const bool takeOld = old >= 0 && oldIsLast();
    row.set(place, takeOld ? row.at(old--) : nearer[fresh--]);
  }
}

/// Maps similarities to integers of the same order. Of equal similarities in a row, the earlier one
/// gets the larger integer, so that no two integers in a row are equal.
/// @param similarities  (Q, b)
/// @return              (Q, b) int64
at::Tensor distinctKeys(const at::Tensor& similarities) {
  constexpr int32_t kMagnitude = std::numeric_limits<int32_t>::max();  // all bits but the sign
  const auto bits = similarities.view(at::kInt);
  const auto magnitudes = bits.bitwise_and(kMagnitude);  // in the order of the absolute values
  const auto ordered = at::where(bits.lt(0), magnitudes.neg(), magnitudes);
  const auto places = at::arange(similarities.size(1), similarities.options().dtype(at::kLong));
  return ordered.to(at::kLong).mul_(int64_t{1} << 32).sub_(places);
}

}  // namespace

NearestNeighbours NearestNeighbours::none(int64_t queries, int64_t neighbours,
                                          const at::Device& device) {
  constexpr float kNone = -std::numeric_limits<float>::infinity();
  return {at::full({queries, neighbours}, kNone, at::device(device).dtype(at::kFloat)),
          at::full({queries, neighbours}, -1, at::device(device).dtype(at::kLong))};
}

NearestNeighbours NearestNeighbours::slice(int64_t begin, int64_t end) const {
  return {similarities.slice(0, begin, end), labels.slice(0, begin, end)};
}

void keepNearest(const NearestNeighbours& nearest, const at::Tensor& similarities,
                 const at::Tensor& labels) {
  if (!similarities.is_cpu()) return keepNearestByTopk(nearest, similarities, labels);
  const int64_t length = nearest.similarities.size(1);
  const int64_t offered = similarities.size(1);
  float* const keptSimilarities = nearest.similarities.data_ptr<float>();
  int64_t* const keptLabels = nearest.labels.data_ptr<int64_t>();
  const float* const newSimilarities = similarities.const_data_ptr<float>();
  const auto contiguousLabels = labels.contiguous();
  const int64_t* const newLabels = contiguousLabels.const_data_ptr<int64_t>();
  parallelFor(similarities.size(0), [&](int64_t begin, int64_t end) {
    std::vector<Candidate> nearer;
    for (int64_t query = begin; query < end; ++query) {
      const Row row{keptSimilarities + query * length, keptLabels + query * length, length};
      findNearer(row, newSimilarities + query * offered, newLabels, offered, nearer);
      merge(row, nearer);
    }
  });
}

void keepNearestByTopk(const NearestNeighbours& nearest, const at::Tensor& similarities,
                       const at::Tensor& labels) {
  const int64_t count = std::min(nearest.similarities.size(1), similarities.size(1));
  const at::Tensor order = std::get<1>(distinctKeys(similarities).topk(count, /*dim=*/1));
  plainKeepNearest(nearest, similarities.gather(1, order), labels.take(order));
}

void plainKeepNearest(const NearestNeighbours& nearest, const at::Tensor& similarities,
                      const at::Tensor& labels) {
  const auto candidates = at::cat({nearest.similarities, similarities}, 1);
  const auto candidateLabels = at::cat({nearest.labels, labels.expand_as(similarities)}, 1);
  const auto [sorted, order] = candidates.sort(/*stable=*/true, /*dim=*/1, /*descending=*/true);
  const int64_t length = nearest.similarities.size(1);
  nearest.similarities.copy_(sorted.narrow(1, 0, length));
  nearest.labels.copy_(candidateLabels.gather(1, order.narrow(1, 0, length)));
}

}  // namespace moco
