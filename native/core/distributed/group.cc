#include "core/distributed/group.h"

#include <chrono>
#include <exception>
#include <thread>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <utility>

#include "core/base/error.h"

namespace moco {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// So long is waited at a time before the other processes are looked at.
constexpr milliseconds kSlice{500};
/// A process whose connection has broken and that is silent for so long has ended.
constexpr double kBrokenSilence = 3;

const char* const kHint =
    "The last checkpoint is whole: start all processes again, and they go on from it.";

milliseconds inMilliseconds(double seconds) {
  return milliseconds(static_cast<int64_t>(1000 * seconds));
}

c10::intrusive_ptr<c10d::Backend> connect(const Store& store, const RendezvousSettings& settings,
                                          const at::Device& device) {
  TORCH_CHECK(device.is_cpu(), "processes on GPUs");
  const auto options = c10d::ProcessGroupGloo::Options::create_default();
  // Ours is shorter, and knows which process is missing.
  options->timeout = inMilliseconds(2 * settings.stuckSeconds);
  return c10::make_intrusive<c10d::ProcessGroupGloo>(
      c10::make_intrusive<c10d::PrefixStore>("gloo", store), static_cast<int>(settings.rank),
      static_cast<int>(settings.processes), options);
}

}  // namespace

Group::Group(Store store, const RendezvousSettings& settings, const at::Device& device)
    : settings_(settings), store_(std::move(store)) {
  watch_.emplace(store_->clone(), rank(), size());
  try {
    backend_ = connect(store_, settings_, device);
  } catch (const std::exception& error) {
    failBy(error);
  }
}

Group::~Group() {
  // Its destructor would wait for work that other processes have left.
  if (hasFailed_ && backend_) backend_.release();
}

void Group::fail(const std::string& reason) {
  hasFailed_ = true;
  watch_->post(reason);
  throw Error("ERR_MOCO_PEER", watch_->reason().value_or(reason), kHint);
}

void Group::failBy(const std::exception& broken) {
  const auto end = Clock::now() + inMilliseconds(kBrokenSilence) + 4 * Watch::kBeat;
  while (Clock::now() < end) {
    if (const auto reason = watch_->reason()) fail(*reason);
    const auto silent = watch_->silentFor(kBrokenSilence);
    if (!silent.empty()) fail(ranksInWords(silent) + " ended without a word");
    std::this_thread::sleep_for(Watch::kBeat / 5);
  }
  const std::string text = broken.what();
  fail("rank " + std::to_string(rank()) +
       " lost its connection: " + text.substr(0, text.find('\n')));
}

void Group::await(const std::function<bool(milliseconds)>& isDone) {
  watch_->reach(++exchanges_);
  const auto begin = Clock::now();
  while (!isDone(kSlice)) requireAll(begin);
}

void Group::requireAll(Clock::time_point begin) {
  if (const auto reason = watch_->reason()) fail(*reason);
  const auto silent = watch_->silentFor(settings_.silenceSeconds);
  if (!silent.empty()) {
    fail(ranksInWords(silent) + " gave no sign of life for " +
         std::to_string(static_cast<int64_t>(settings_.silenceSeconds)) + " s");
  }
  if (Clock::now() - begin < inMilliseconds(settings_.stuckSeconds)) return;
  std::vector<int64_t> late;
  const auto signs = watch_->signs();
  for (int64_t other = 0; other < size(); ++other) {
    if (signs[other].reached < exchanges_) late.push_back(other);
  }
  fail((late.empty() ? "the network" : ranksInWords(late)) + " kept the others waiting for " +
       std::to_string(static_cast<int64_t>(settings_.stuckSeconds)) + " s");
}

void Group::finish(const Work& work) {
  await([&](milliseconds slice) {
    try {
      work->wait(slice);
      return true;
    } catch (const std::exception& error) {
      // The time may have been over shortly before the work was done.
      if (!work->isCompleted()) return false;
      if (!work->isSuccess()) failBy(error);
      return true;
    }
  });
}

std::vector<std::string> Group::exchange(const std::string& own, const std::atomic<bool>& stop) {
  const std::string name = "exchange/" + std::to_string(exchanges_) + "/";
  std::vector<std::string> keys;
  keys.reserve(size());
  for (int64_t other = 0; other < size(); ++other) keys.push_back(name + std::to_string(other));
  try {
    store_->set(keys[rank()], std::vector<uint8_t>(own.begin(), own.end()));
    await([&](milliseconds) {
      const bool isThere = store_->check(keys);
      if (!isThere && stop) {
        throw Error("ERR_MOCO_ABORTED", "stopped while waiting for the other processes");
      }
      if (!isThere) std::this_thread::sleep_for(milliseconds(5));
      return isThere;
    });
    std::vector<std::string> all;
    all.reserve(size());
    for (const auto& key : keys) {
      const auto bytes = store_->get(key);
      all.emplace_back(bytes.begin(), bytes.end());
    }
    return all;
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    failBy(error);
  }
}

Group::Work Group::startSum(at::Tensor tensor) {
  std::vector<at::Tensor> tensors{std::move(tensor)};
  return backend_->allreduce(tensors);
}

at::Tensor Group::gather(const at::Tensor& own) {
  auto sizes = own.sizes().vec();
  sizes[0] *= size();
  auto all = at::empty(sizes, own.options());
  at::Tensor part = own;
  finish(backend_->_allgather_base(all, part));
  return all;
}

}  // namespace moco
