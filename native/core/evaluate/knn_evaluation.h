#pragma once

#include <ATen/ATen.h>

#include <atomic>
#include <cstdint>
#include <vector>

#include "core/evaluate/accuracy.h"
#include "core/evaluate/frozen_backbone.h"
#include "core/input/image_store.h"

namespace moco {

/// How the neighbours vote.
struct KnnSettings {
  int64_t k;                        // neighbours that vote
  std::vector<double> temperature;  // each divides the similarities in a vote of its own

  /// Calls `visit(name, value)` for every setting.
  template <class Visit>
  void each(Visit&& visit) {
    visit("k", k);
    visit("temperature", temperature);
  }
};

/// Up to how many classes a table of all votes and a confusion matrix are made, whose sizes grow
/// with the number of classes and its square.
constexpr int64_t kMostTabledClasses = 256;

/// How well the neighbours' votes classify at one temperature.
struct KnnResult {
  double temperature;
  Accuracy accuracy;
  ClassCounts perClass;
  at::Tensor confusion;  // see `confusionOf`; undefined for more than `kMostTabledClasses`
};

/// Classifies pictures by their nearest neighbours in a bank, on L2-normalised features in
/// evaluation mode. Features and neighbours are computed once for all temperatures. Pictures
/// without label neither vote nor are they classified.
/// @param bank     pictures that vote
/// @param queries  pictures to classify
/// @return         one result per temperature, in order
/// @throws Error ERR_MOCO_CONFIG      if k is larger than the bank's pictures that have labels,
/// none
///                                    of the queries has one, or a temperature is so low that the
///                                    votes overflow
/// @throws Error ERR_MOCO_NON_FINITE  if features are not finite
/// @throws Error ERR_MOCO_ABORTED     soon after `stop` is set
std::vector<KnnResult> evaluateKnn(FrozenBackbone& backbone, const ImageStore& bank,
                                   const ImageStore& queries, const KnnSettings& settings,
                                   const std::atomic<bool>& stop);

}  // namespace moco
