#include "core/contrast/cosine.h"

namespace moco {

LossValue cosine(const Comparison& comparison) {
  const auto keys = comparison.keys.detach();
  const auto similar = (comparison.queries * keys).sum(1);
  const auto toBatch = at::mm(comparison.queries.detach(), keys.t());
  const auto own = at::arange(keys.size(0), keys.options().dtype(at::kLong));
  return {(2 - 2 * similar).mean(), shareHighest(toBatch, own)};
}

}  // namespace moco
