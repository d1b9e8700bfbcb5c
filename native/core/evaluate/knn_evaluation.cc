#include "core/evaluate/knn_evaluation.h"

#include <ATen/core/grad_mode.h>

#include <string>

#include "core/base/error.h"
#include "core/evaluate/knn.h"
#include "core/model/encoder.h"
#include "core/ops/normalise_rows.h"

namespace moco {
namespace {

void requireEnoughPictures(int64_t neighbours, const ImageStore& bank) {
  if (neighbours > 0 && neighbours <= bank.count()) return;
  throw Error("ERR_MOCO_CONFIG",
              "k: " + std::to_string(neighbours) + " is not between 1 and the " +
                  std::to_string(bank.count()) + " training pictures",
              "Lower it, or take more pictures.");
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

at::Tensor finiteScores(KnnVote& vote, double temperature, int64_t classes) {
  auto scores = vote.scores(temperature, classes);
  if (isFinite(scores)) return scores;
  throw Error("ERR_MOCO_CONFIG",
              "temperature: at " + std::to_string(temperature) +
                  " the votes exp(similarity / temperature) are too large for fp32",
              "Raise it; 0.1 and 0.5 are usual.");
}

}  // namespace

std::vector<KnnResult> evaluateKnn(FrozenBackbone& backbone, const ImageStore& bank,
                                   const ImageStore& queries, const KnnSettings& settings,
                                   const std::atomic<bool>& stop) {
  const at::NoGradGuard noGrad;
  requireEnoughPictures(settings.k, bank);
  FiniteRows finiteRows;
  std::vector<at::Tensor> features;
  std::vector<at::Tensor> labels;
  backbone.eachChunk(queries, stop, [&](const at::Tensor& chunk, const at::Tensor& chunkLabels) {
    features.push_back(finiteRows(chunk));
    labels.push_back(chunkLabels);
  });
  KnnVote vote(at::cat(features), settings.k);
  features.clear();
  backbone.eachChunk(bank, stop, [&](const at::Tensor& chunk, const at::Tensor& chunkLabels) {
    vote.addBank(finiteRows(chunk), chunkLabels);
  });
  finiteRows.require();
  const auto queryLabels = at::cat(labels);
  std::vector<KnnResult> results;
  for (const double temperature : settings.temperature) {
    const auto scores = finiteScores(vote, temperature, bank.classes);
    results.push_back(
        {temperature, accuracyOf(scores, queryLabels), confusionOf(scores, queryLabels)});
  }
  return results;
}

}  // namespace moco
