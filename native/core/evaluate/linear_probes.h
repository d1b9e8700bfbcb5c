#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "core/evaluate/linear_metrics.h"
#include "core/ops/adam.h"

namespace moco {

/// Linear classifiers on the same features, each with an optimiser of its own, trained side by
/// side: one product computes all their logits. They start equal, as PyTorch's Linear does (uniform
/// in ±1/√C), and know nothing of each other.
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
  /// @return          of each probe, before its update
  /// @throws Error ERR_MOCO_NON_FINITE  where a loss is not finite; no probe is changed then
  std::vector<LinearTally> step(const at::Tensor& features, const at::Tensor& labels);

  /// As `step`, without training.
  std::vector<LinearTally> measure(const at::Tensor& features, const at::Tensor& labels) const;

  /// (probes, B, classes)
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
