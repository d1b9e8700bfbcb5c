#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "core/evaluate/linear_metrics.h"
#include "core/optimise/adam.h"

namespace moco {

/// Linear classifiers on the same features, each with an optimiser of its own, trained side by
/// side: one matrix product computes the logits of all. They start with the same weights, drawn as
/// PyTorch draws those of a Linear (uniform in ±1/√C), and do not influence each other.
class LinearProbes {
 public:
  /// @param features  C, the length of a feature
  /// @param adam      one for each probe
  /// @param options   type and device of the parameters
  LinearProbes(int64_t features, int64_t classes, const std::vector<AdamOptions>& adam,
               uint64_t seed, const at::TensorOptions& options);

  /// Trains all probes on a batch by the mean cross-entropy.
  /// @param features  (B, C), of the parameters' type
  /// @param labels    (B) int64
  /// @return          loss and hits of each probe, from before its update
  /// @throws Error ERR_MOCO_NON_FINITE  if a loss is not finite; no probe is changed then
  std::vector<LinearTally> step(const at::Tensor& features, const at::Tensor& labels);

  /// What `step` returns, without training.
  std::vector<LinearTally> measure(const at::Tensor& features, const at::Tensor& labels) const;

  /// @param features  (B, C)
  /// @return          (probes, B, classes)
  at::Tensor logits(const at::Tensor& features) const;

  /// (probes, classes, C)
  const at::Tensor& weight() const { return weight_; }
  /// (probes, classes)
  const at::Tensor& bias() const { return bias_; }

 private:
  at::Tensor weight_;
  at::Tensor bias_;
  std::vector<Adam> weightAdam_;  // one for each probe
  std::vector<Adam> biasAdam_;
};

}  // namespace moco
