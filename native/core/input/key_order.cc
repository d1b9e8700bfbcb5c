#include "core/input/key_order.h"

#include "core/base/random.h"

namespace moco {

at::Tensor keyOrder(uint64_t seed, int64_t epoch, int64_t batch, int64_t batchSize) {
  const Philox random(seed, Purpose::kKeyShuffle, static_cast<uint32_t>(epoch),
                      static_cast<uint32_t>(batch));
  return at::tensor(shuffledIndices(batchSize, random));
}

}  // namespace moco
