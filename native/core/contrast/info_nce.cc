#include "core/contrast/info_nce.h"

namespace moco {

LossValue infoNce(const Comparison& comparison, double temperature) {
  // The lines of algorithm 1 from `l_pos = bmm(q, k)` to the loss.
  const auto logits = comparison.similarities().div_(temperature);
  const auto target = at::zeros({logits.size(0)}, logits.options().dtype(at::kLong));
  return {at::cross_entropy_loss(logits, target), shareHighest(logits, 0)};
}

}  // namespace moco
