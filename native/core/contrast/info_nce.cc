#include "core/contrast/info_nce.h"

namespace moco {

InfoNce infoNce(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& queue,
                double temperature) {
  // The lines of algorithm 1 from `l_pos = bmm(q, k)` to the loss.
  const auto positive = (queries * keys).sum(1, /*keepdim=*/true);  // (B, 1)
  const auto negative = at::mm(queries, queue.t());                 // (B, m)
  const auto logits = at::cat({positive, negative}, 1).div_(temperature);
  const auto target = at::zeros({queries.size(0)}, queries.options().dtype(at::kLong));
  const auto accuracy = logits.detach().argmax(1).eq(0).to(logits.scalar_type()).mean();
  return {at::cross_entropy_loss(logits, target), accuracy};
}

}  // namespace moco
