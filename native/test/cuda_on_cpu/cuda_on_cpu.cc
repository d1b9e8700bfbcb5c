#include <algorithm>
#include <map>
#include <numeric>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "block.h"

namespace cuda_on_cpu {
namespace {

constexpr size_t kStackBytes = 64 << 10;

void runThread() {
  (*running->thread)();
  running->current->state = State::kDone;
}

/// Lets the scheduler run other threads until it resumes this one.
void wait(State state) {
  Fiber& self = *running->current;
  self.state = state;
  swapcontext(&self.context, &running->scheduler);
}

void prepare(Block& block, const dim3& extent) {
  for (size_t i = 0; i < block.fibers.size(); ++i) {
    Fiber& fiber = block.fibers[i];
    const auto number = static_cast<unsigned>(i);
    fiber.index = {number % extent.x, number / extent.x % extent.y, number / extent.x / extent.y};
    fiber.state = State::kReady;
    fiber.notes.clear();
    if (!fiber.stack) fiber.stack.reset(new char[kStackBytes]);
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = kStackBytes;
    fiber.context.uc_link = &block.scheduler;
    makecontext(&fiber.context, runThread, 0);
  }
  block.barriers = 0;
  block.words.clear();
}

/// Lets threads that wait for each other go on, once all of them have come.
/// @return  whether they have
template <class Iterator>
bool release(Iterator first, Iterator last, State state) {
  const bool allThere = std::all_of(first, last, [&](const Fiber& fiber) {
    return fiber.state == state &&
           (state != State::kAtBarrier || (fiber.line == first->line && fiber.file == first->file));
  });
  if (!allThere) return false;
  for (auto fiber = first; fiber != last; ++fiber) {
    fiber->state = State::kReady;
    if (state != State::kInShuffle) continue;
    for (auto other = first; other != last; ++other) fiber->received[other - first] = other->sent;
  }
  return true;
}

std::string whereabouts(const Fiber& fiber) {
  if (fiber.state == State::kDone) return "ended";
  if (fiber.state == State::kInShuffle) return "in a shuffle";
  return "in __syncthreads at " + std::string(fiber.file) + ":" + std::to_string(fiber.line);
}

[[noreturn]] void failForDeadlock(const std::vector<Fiber>& fibers) {
  std::map<std::string, int> threads;
  for (const auto& fiber : fibers) ++threads[whereabouts(fiber)];
  std::ostringstream text;
  text << "threads of a block wait for others that do not come:";
  for (const auto& [where, count] : threads) text << " " << count << " " << where << ";";
  throw std::logic_error(text.str());
}

bool isReady(const Fiber& fiber) { return fiber.state == State::kReady; }
bool isDone(const Fiber& fiber) { return fiber.state == State::kDone; }

void runBlock(Block& block, const dim3& extent, std::mt19937& random) {
  prepare(block, extent);
  auto& fibers = block.fibers;
  std::vector<Fiber*> order;
  for (auto& fiber : fibers) order.push_back(&fiber);
  std::shuffle(order.begin(), order.end(), random);
  while (!std::all_of(fibers.begin(), fibers.end(), isDone)) {
    if (!std::any_of(fibers.begin(), fibers.end(), isReady)) failForDeadlock(fibers);
    for (Fiber* fiber : order) {
      if (!isReady(*fiber)) continue;
      block.current = fiber;
      threadIdx = fiber->index;
      swapcontext(&block.scheduler, &fiber->context);
      if (!block.failure.empty()) throw std::logic_error("a thread " + block.failure);
    }
    if (release(fibers.begin(), fibers.end(), State::kAtBarrier)) ++block.barriers;
    for (size_t warp = 0; warp + warpSize <= fibers.size(); warp += warpSize) {
      const auto first = fibers.begin() + static_cast<std::ptrdiff_t>(warp);
      release(first, first + warpSize, State::kInShuffle);
    }
  }
  countBlock(block);
}

}  // namespace

void run(const dim3& grid, const dim3& block, const std::function<void()>& thread) {
  Block threads;
  threads.fibers.resize(size_t{block.x} * block.y * block.z);
  threads.thread = &thread;
  running = &threads;
  gridDim = grid;
  blockDim = block;
  std::mt19937 random(seed);
  std::vector<unsigned> order(size_t{grid.x} * grid.y * grid.z);
  std::iota(order.begin(), order.end(), 0U);
  std::shuffle(order.begin(), order.end(), random);
  for (const unsigned number : order) {
    blockIdx = {number % grid.x, number / grid.x % grid.y, number / grid.x / grid.y};
    runBlock(threads, block, random);
  }
}

void waitForBlock(const char* file, int line) {
  running->current->file = file;
  running->current->line = line;
  wait(State::kAtBarrier);
}

const uint64_t* exchange(uint64_t value) {
  Fiber& self = *running->current;
  self.sent = value;
  wait(State::kInShuffle);
  return self.received.data();
}

int lane() {
  const auto number = running->current - running->fibers.data();
  return static_cast<int>(number % warpSize);
}

}  // namespace cuda_on_cpu
