#include "core/contrast/key_queue.h"

#include <algorithm>
#include <string>

#include "core/base/error.h"
#include "core/base/random.h"
#include "core/ops/normalise_rows.h"

namespace moco {

KeyQueue::KeyQueue(int64_t length, int64_t dim, uint64_t seed, at::TensorOptions options) {
  auto generator = torchGenerator(seed, Purpose::kQueue);
  const auto gaussian = at::empty({length, dim}, at::kFloat).normal_(0, 1, generator);
  keys_ = normaliseRows(gaussian).to(options);
}

void KeyQueue::enqueue(const at::Tensor& keys) {
  const int64_t length = keys_.size(0);
  const int64_t count = std::min(keys.size(0), length);
  const auto newest = keys.narrow(0, keys.size(0) - count, count);
  const int64_t untilEnd = std::min(count, length - next_);
  keys_.narrow(0, next_, untilEnd).copy_(newest.narrow(0, 0, untilEnd));
  keys_.narrow(0, 0, count - untilEnd).copy_(newest.narrow(0, untilEnd, count - untilEnd));
  next_ = (next_ + count) % length;
  filled_ = std::min(filled_ + count, length);
}

at::Tensor KeyQueue::inOrder() const { return keys_.roll(-next_, 0); }

double KeyQueue::fill() const {
  return static_cast<double>(filled_) / static_cast<double>(keys_.size(0));
}

StateDict KeyQueue::state() const {
  return {{"keys", keys_},
          {"next", at::scalar_tensor(next_, at::kLong)},
          {"filled", at::scalar_tensor(filled_, at::kLong)}};
}

void KeyQueue::restore(const StateDict& state) {
  const StateLookup lookup(state);
  const int64_t length = keys_.size(0);
  const int64_t next = lookup.integer("next").value_or(-1);
  const int64_t filled = lookup.integer("filled").value_or(-1);
  if (next < 0 || next >= length || filled < 0 || filled > length) {
    throw Error("ERR_MOCO_CHECKPOINT",
                "the queue's next place is " + std::to_string(next) + " and its filled places " +
                    std::to_string(filled) + ", of " + std::to_string(length),
                "Use an earlier checkpoint.");
  }
  keys_.copy_(lookup.get("keys", keys_.sizes()));
  next_ = next;
  filled_ = filled;
}

}  // namespace moco
