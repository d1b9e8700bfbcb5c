#include "core/distributed/watch.h"

#include <iterator>
#include <sstream>
#include <utility>

namespace moco {
namespace {

const char* const kReason = "ended";

std::string keyOf(int64_t rank) { return "beat/" + std::to_string(rank); }

std::vector<uint8_t> bytesOf(const std::string& text) { return {text.begin(), text.end()}; }

std::string textOf(const std::vector<uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace

Watch::Watch(Store store, int64_t rank, int64_t processes)
    : store_(std::move(store)), rank_(rank), signs_(processes) {
  beat(0);
  thread_ = std::thread([this] { run(); });
}

Watch::~Watch() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Watch::beat(int64_t number) {
  const std::string sign = std::to_string(number) + " " + std::to_string(reached_.load());
  store_->c10d::Store::set(keyOf(rank_), sign);
}

void Watch::run() {
  std::unique_lock lock(mutex_);
  for (int64_t number = 1; !ending_; ++number) {
    const auto toPost = std::exchange(toPost_, {});
    const bool isAsked = isAsked_;
    lock.unlock();
    std::optional<std::string> reason;
    try {
      // The first reason stands: what follows from it is posted, too.
      if (toPost) store_->compareSet(kReason, {}, bytesOf(*toPost));
      beat(number);
      if (store_->check({kReason})) reason = textOf(store_->get(kReason));
      if (isAsked) lookUpSigns();
    } catch (const std::exception&) {
      reason =
          "the store where the processes meet no longer answers: the process that holds it, "
          "rank 0 or its launcher, has ended, or the network has";
    }
    lock.lock();
    if (reason && !reason_) reason_ = reason;
    changed_.notify_all();
    changed_.wait_for(lock, kBeat, [this] { return ending_ || toPost_; });
  }
}

void Watch::lookUpSigns() {
  std::vector<Sign> heard;
  for (size_t rank = 0; rank < signs_.size(); ++rank) {
    Sign sign;
    std::istringstream(textOf(store_->get(keyOf(static_cast<int64_t>(rank))))) >> sign.beat >>
        sign.reached;
    heard.push_back(sign);
  }
  const std::lock_guard lock(mutex_);
  for (size_t rank = 0; rank < signs_.size(); ++rank) {
    const bool isNew = heard[rank].beat != signs_[rank].beat;
    heard[rank].repeats = isNew ? 0 : signs_[rank].repeats + 1;
    signs_[rank] = heard[rank];
  }
}

void Watch::post(const std::string& reason) {
  std::unique_lock lock(mutex_);
  if (reason_) return;
  toPost_ = reason;
  changed_.notify_all();
  changed_.wait_for(lock, 4 * kBeat, [this] { return reason_.has_value(); });
}

std::optional<std::string> Watch::reason() const {
  const std::lock_guard lock(mutex_);
  return reason_;
}

std::vector<Watch::Sign> Watch::signs() {
  const std::lock_guard lock(mutex_);
  isAsked_ = true;
  return signs_;
}

std::vector<int64_t> Watch::silentFor(double seconds) {
  const double beat = std::chrono::duration<double>(kBeat).count();
  std::vector<int64_t> silent;
  const auto heard = signs();
  for (int64_t rank = 0; rank < std::ssize(heard); ++rank) {
    const double silence = beat * static_cast<double>(heard[rank].repeats);
    if (rank != rank_ && silence > seconds) silent.push_back(rank);
  }
  return silent;
}

}  // namespace moco
