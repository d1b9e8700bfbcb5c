#include "core/contrast/key_queue.h"

#include <algorithm>
#include <string>

#include "core/base/error.h"
#include "core/base/random.h"
#include "core/ops/normalise_rows.h"

namespace moco {

KeyQueue::KeyQueue(int64_t length, int64_t dim, uint64_t seed, at::TensorOptions options,
                   bool keepsNumbers) {
  auto generator = torchGenerator(seed, Purpose::kQueue);
  const auto gaussian = at::empty({length, dim}, at::kFloat).normal_(0, 1, generator);
  keys_ = normaliseRows(gaussian).to(options);
  if (keepsNumbers) pictures_ = at::full({length}, -1, keys_.options().dtype(at::kLong));
}

void KeyQueue::enqueue(const at::Tensor& keys, const at::Tensor& pictures) {
  const int64_t length = keys_.size(0);
  const int64_t count = std::min(keys.size(0), length);
  const int64_t tooOld = keys.size(0) - count;
  write(keys.narrow(0, tooOld, count), keys_);
  if (pictures_.defined()) {
    TORCH_CHECK(pictures.defined() && pictures.size(0) == keys.size(0),
                "the queue keeps the numbers of its keys' pictures");
    write(pictures.narrow(0, tooOld, count), pictures_);
  }
  next_ = (next_ + count) % length;
  filled_ = std::min(filled_ + count, length);
}

void KeyQueue::write(const at::Tensor& newest, const at::Tensor& ring) const {
  const int64_t count = newest.size(0);
  const int64_t untilEnd = std::min(count, ring.size(0) - next_);
  ring.narrow(0, next_, untilEnd).copy_(newest.narrow(0, 0, untilEnd));
  ring.narrow(0, 0, count - untilEnd).copy_(newest.narrow(0, untilEnd, count - untilEnd));
}

at::Tensor KeyQueue::inOrder() const { return keys_.roll(-next_, 0); }

double KeyQueue::fill() const {
  return static_cast<double>(filled_) / static_cast<double>(keys_.size(0));
}

StateDict KeyQueue::state() const {
  StateDict state{{"keys", keys_},
                  {"next", at::scalar_tensor(next_, at::kLong)},
                  {"filled", at::scalar_tensor(filled_, at::kLong)}};
  if (pictures_.defined()) state.emplace_back("pictures", pictures_);
  return state;
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
  const auto& keys = lookup.get("keys", keys_.sizes());
  if (pictures_.defined()) pictures_.copy_(lookup.integers("pictures", pictures_.sizes()));
  keys_.copy_(keys);
  next_ = next;
  filled_ = filled;
}

}  // namespace moco
