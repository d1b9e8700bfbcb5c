#include "core/evaluate/knn_evaluation.h"

#include <ATen/core/grad_mode.h>

#include <string>

#include "core/base/error.h"
#include "core/evaluate/knn.h"
#include "core/evaluate/labelled_pictures.h"
#include "core/model/encoder.h"
#include "core/ops/normalise_rows.h"

namespace moco {
namespace {

void requireLabels(int64_t neighbours, const ImageStore& bank, const ImageStore& queries) {
  const int64_t voting = labelledPictures(bank).size(0);
  if (neighbours < 1 || neighbours > voting) {
    throw Error("ERR_MOCO_CONFIG",
                "k: " + std::to_string(neighbours) + " is not between 1 and the " +
                    std::to_string(voting) + " training pictures that have labels",
                "Lower it, or take more pictures.");
  }
  if (labelledPictures(queries).size(0) > 0) return;
  throw Error("ERR_MOCO_CONFIG", "kNN evaluation: no picture to classify has a label",
              "Give labels for some of the test pictures.");
}

bool isFinite(const at::Tensor& x) { return at::isfinite(x).all().item<bool>(); }

/// Normalises features and checks that all are finite. On the CPU it checks every chunk as it
/// comes. On a GPU that would mean waiting for the device after every chunk, so the check is left
/// to `require`, which is called after the last one.
class FiniteRows {
 public:
  at::Tensor operator()(const at::Tensor& features) {
    auto rows = normaliseRows(features);
    const auto finite = at::isfinite(rows).all();
    finite_ = finite_.defined() ? finite_.logical_and(finite) : finite;
    if (rows.is_cpu()) require();
    return rows;
  }

  void require() const {
    if (finite_.item<bool>()) return;
    throw Error("ERR_MOCO_NON_FINITE", "kNN evaluation: the encoder's features are not finite",
                "Evaluate in fp32; if that does not help, take the model of an earlier epoch.");
  }

 private:
  at::Tensor finite_;
};

/// @param votes  that show whether all are finite
void requireFiniteVotes(const at::Tensor& votes, double temperature) {
  if (isFinite(votes)) return;
  throw Error("ERR_MOCO_CONFIG",
              "temperature: at " + std::to_string(temperature) +
                  " the votes exp(similarity / temperature) are too large for fp32",
              "Raise it; 0.1 and 0.5 are usual.");
}

/// The classes that each query's neighbours vote for most, best first: (Q, ≤ 5).
at::Tensor votedClasses(KnnVote& vote, double temperature, int64_t classes) {
  if (classes > kMostTabledClasses) {
    const BestVotes best = vote.bestVotes(temperature, classes);
    requireFiniteVotes(best.votes, temperature);
    return best.classes;
  }
  const auto scores = vote.scores(temperature, classes);
  requireFiniteVotes(scores, temperature);
  return bestClasses(scores);
}

KnnResult resultOf(double temperature, const at::Tensor& best, const at::Tensor& labels,
                   int64_t classes) {
  const bool isTabled = classes <= kMostTabledClasses;
  return {.temperature = temperature,
          .accuracy = accuracyOf(best, labels),
          .perClass = classCountsOf(best, labels, classes),
          .confusion = isTabled ? confusionOf(best, labels, classes) : at::Tensor{}};
}

}  // namespace

std::vector<KnnResult> evaluateKnn(FrozenBackbone& backbone, const ImageStore& bank,
                                   const ImageStore& queries, const KnnSettings& settings,
                                   const std::atomic<bool>& stop) {
  const at::NoGradGuard noGrad;
  requireLabels(settings.k, bank, queries);
  FiniteRows finiteRows;
  std::vector<at::Tensor> features;
  std::vector<at::Tensor> labels;
  backbone.eachLabelledChunk(queries, stop,
                             [&](const at::Tensor& chunk, const at::Tensor& chunkLabels) {
                               features.push_back(finiteRows(chunk));
                               labels.push_back(chunkLabels);
                             });
  const Peers& peers = backbone.peers();
  const auto all = at::cat(features);
  const auto share = peers.shareOf(all.size(0));
  KnnVote vote(all.slice(0, share.begin, share.end), settings.k);
  features.clear();
  backbone.eachLabelledChunk(bank, stop,
                             [&](const at::Tensor& chunk, const at::Tensor& chunkLabels) {
                               vote.addBank(finiteRows(chunk), chunkLabels);
                             });
  finiteRows.require();
  const auto queryLabels = at::cat(labels);
  std::vector<KnnResult> results;
  for (const double temperature : settings.temperature) {
    const auto own = votedClasses(vote, temperature, bank.classes).to(queryLabels.device());
    const auto best = peers.gatherShares(own, all.size(0));
    results.push_back(resultOf(temperature, best, queryLabels, bank.classes));
  }
  return results;
}

}  // namespace moco
