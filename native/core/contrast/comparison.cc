#include "core/contrast/comparison.h"

#include <limits>

namespace moco {

at::Tensor Comparison::toNegatives(const at::Tensor& vectors) const {
  auto similar = at::mm(vectors, negatives.vectors.t());
  if (!negatives.isLeftOut.defined()) return similar;
  return similar.masked_fill(negatives.isLeftOut, -std::numeric_limits<double>::infinity());
}

at::Tensor Comparison::similarities() const {
  const auto positive = (queries * ownKeys()).sum(1, /*keepdim=*/true);
  return at::cat({positive, toNegatives(queries)}, 1);
}

at::Tensor Comparison::places() const {
  return peers.own(at::arange(keys.size(0), keys.options().dtype(at::kLong)));
}

at::Tensor shareHighest(const at::Tensor& scores, const at::Tensor& columns) {
  return scores.detach().argmax(1).eq(columns).to(scores.scalar_type()).mean();
}

at::Tensor shareHighest(const at::Tensor& scores, int64_t column) {
  return scores.detach().argmax(1).eq(column).to(scores.scalar_type()).mean();
}

}  // namespace moco
