#include "core/contrast/dcl.h"

namespace moco {
namespace {

/// @param weights  (B) of the positives; undefined: 1
LossValue decoupled(const at::Tensor& similarities, double temperature, const at::Tensor& weights) {
  const auto logits = similarities / temperature;
  const auto positive = logits.select(1, 0);
  const auto negative = logits.narrow(1, 1, logits.size(1) - 1);
  const auto attraction = weights.defined() ? weights * positive : positive;
  return {(negative.logsumexp(1) - attraction).mean(), shareHighest(logits, 0)};
}

}  // namespace

LossValue dcl(const Comparison& comparison, double temperature) {
  return decoupled(comparison.similarities(), temperature, {});
}

LossValue dclw(const Comparison& comparison, double temperature, double sigma) {
  const auto similarities = comparison.similarities();
  const auto& peers = comparison.peers;
  const auto positive = peers.gather(similarities.detach().select(1, 0));
  const auto batch = static_cast<double>(positive.size(0));
  const auto weights = 2 - batch * (positive / sigma).softmax(0);
  return decoupled(similarities, temperature, peers.own(weights));
}

}  // namespace moco
