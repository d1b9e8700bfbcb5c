#include "core/contrast/cosine.h"

namespace moco {

LossValue cosine(const Comparison& comparison) {
  const auto similar = (comparison.queries * comparison.ownKeys().detach()).sum(1);
  const auto toBatch = at::mm(comparison.queries.detach(), comparison.keys.detach().t());
  return {(2 - 2 * similar).mean(), shareHighest(toBatch, comparison.places())};
}

}  // namespace moco
