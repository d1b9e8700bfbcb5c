#include "core/contrast/nnclr.h"

namespace moco {

LossValue nnclr(const Comparison& comparison, const at::Tensor& queue, double temperature) {
  const auto nearest = at::mm(comparison.keys.detach(), queue.t()).argmax(1);
  const auto neighbours = queue.index_select(0, nearest);
  const auto logits = at::mm(neighbours, comparison.queries.t()) / temperature;  // (B, B)
  const auto own = at::arange(logits.size(0), logits.options().dtype(at::kLong));
  return {at::cross_entropy_loss(logits, own), shareHighest(logits, own)};
}

}  // namespace moco
