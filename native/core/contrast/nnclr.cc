#include "core/contrast/nnclr.h"

namespace moco {

LossValue nnclr(const Comparison& comparison, const at::Tensor& queue, double temperature) {
  const auto nearest = at::mm(comparison.ownKeys().detach(), queue.t()).argmax(1);
  const auto neighbours = queue.index_select(0, nearest);
  const auto queries = comparison.peers.gather(comparison.queries);
  const auto logits = at::mm(neighbours, queries.t()) / temperature;  // (B, N · B)
  const auto own = comparison.places();
  return {at::cross_entropy_loss(logits, own), shareHighest(logits, own)};
}

}  // namespace moco
