#include "core/base/random.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace moco {
namespace {

// The constants of Philox4x32-10: two multipliers, and what is added to the key after every round.
constexpr int kRounds = 10;
constexpr uint32_t kMultiplier0 = 0xD2511F53;
constexpr uint32_t kMultiplier1 = 0xCD9E8D57;
constexpr uint32_t kWeyl0 = 0x9E3779B9;
constexpr uint32_t kWeyl1 = 0xBB67AE85;

constexpr int kPurposeBits = 8;  // of a word of the counter; the others hold the third number

}  // namespace

Philox::Philox(uint64_t seed, Purpose purpose, uint32_t first, uint32_t second, uint32_t third)
    : key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)},
      counter_{0, static_cast<uint32_t>(purpose) | third << kPurposeBits, first, second} {}

void Philox::refill() {
  std::array<uint32_t, 4> x = counter_;
  std::array<uint32_t, 2> key = key_;
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t product0 = uint64_t{kMultiplier0} * x[0];
    const uint64_t product1 = uint64_t{kMultiplier1} * x[2];
    x = {static_cast<uint32_t>(product1 >> 32) ^ x[1] ^ key[0], static_cast<uint32_t>(product1),
         static_cast<uint32_t>(product0 >> 32) ^ x[3] ^ key[1], static_cast<uint32_t>(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  block_ = x;
  ++counter_[0];
  used_ = 0;
}

uint32_t Philox::next() {
  if (used_ == 4) refill();
  return block_[used_++];
}

double Philox::uniform() {
  const uint64_t high = next();
  const uint64_t low = next();
  return static_cast<double>(((high << 32) | low) >> 11) * 0x1.0p-53;
}

double Philox::uniform(double low, double high) { return low + (high - low) * uniform(); }

int64_t Philox::below(int64_t count) {
  return static_cast<int64_t>(uniform() * static_cast<double>(count));
}

std::vector<int64_t> shuffledIndices(int64_t count, Philox random) {
  std::vector<int64_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  for (int64_t i = count - 1; i > 0; --i) std::swap(order[i], order[random.below(i + 1)]);
  return order;
}

std::vector<int64_t> shuffledIndices(int64_t count, uint64_t seed, uint32_t epoch) {
  return shuffledIndices(count, Philox(seed, Purpose::kShuffle, epoch));
}

std::vector<int64_t> shuffledInWindows(int64_t count, int64_t window, uint64_t seed,
                                       uint32_t epoch) {
  const int64_t runs = (count + kShuffledRun - 1) / kShuffledRun;
  std::vector<int64_t> order;
  order.reserve(count);
  for (const int64_t run : shuffledIndices(runs, seed, epoch)) {
    const int64_t end = std::min((run + 1) * kShuffledRun, count);
    for (int64_t i = run * kShuffledRun; i < end; ++i) order.push_back(i);
  }
  Philox random(seed, Purpose::kShuffle, epoch, 1);  // stream 0 has put the runs in order
  for (int64_t begin = 0; begin < count; begin += window) {
    for (int64_t i = std::min(window, count - begin) - 1; i > 0; --i) {
      std::swap(order[begin + i], order[begin + random.below(i + 1)]);
    }
  }
  return order;
}

at::Generator torchGenerator(uint64_t seed, Purpose purpose) {
  Philox random(seed, purpose);
  const uint64_t high = random.next();
  const uint64_t low = random.next();
  return at::detail::createCPUGenerator((high << 32) | low);
}

}  // namespace moco
