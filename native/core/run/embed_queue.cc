#include "core/run/embed_queue.h"

#include <algorithm>
#include <utility>

namespace moco {
namespace {

/// Adds a part to those of a batch, as one with the part of the same request that goes before it.
void addPart(std::vector<EmbedQueue::Part>& parts, const EmbedQueue::Part& part) {
  const auto before = std::find_if(parts.begin(), parts.end(), [&](const EmbedQueue::Part& other) {
    return other.entry == part.entry;
  });
  if (before == parts.end()) {
    parts.push_back(part);
  } else {
    before->end = part.end;
  }
}

}  // namespace

void EmbedQueue::add(EmbedRequest request, OnEmbedded onEnd) {
  const auto entry =
      std::make_shared<Entry>(Entry{.request = std::move(request), .onEnd = std::move(onEnd)});
  const std::lock_guard lock(mutex_);
  open_.emplace(entry->request.id, entry);
  waiting_.push_back(entry);
  statistics_.waiting += entry->request.count;
}

std::vector<EmbedQueue::Part> EmbedQueue::take(int64_t most) {
  const std::lock_guard lock(mutex_);
  std::vector<Part> parts;
  int64_t free = most;
  while (free > 0 && !waiting_.empty()) {
    const int64_t share = std::max<int64_t>(1, free / std::ssize(waiting_));
    for (int64_t turns = std::ssize(waiting_); turns > 0 && free > 0; --turns) {
      const auto entry = waiting_.front();
      waiting_.pop_front();
      const int64_t begin = entry->taken;
      entry->taken = std::min(begin + std::min(share, free), entry->request.count);
      addPart(parts, {entry, begin, entry->taken});
      free -= entry->taken - begin;
      if (entry->taken < entry->request.count) waiting_.push_back(entry);
    }
  }
  const int64_t pictures = most - free;
  if (pictures == 0) return parts;
  statistics_.waiting -= pictures;
  statistics_.pictures += pictures;
  ++statistics_.batches;
  ++statistics_.batchSizes[pictures];
  return parts;
}

void EmbedQueue::addSeconds(double seconds) {
  const std::lock_guard lock(mutex_);
  statistics_.seconds += seconds;
}

void EmbedQueue::end(const std::shared_ptr<Entry>& entry, EmbedOutcome outcome) {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(entry->ended, true)) return;
    drop(entry);
  }
  entry->onEnd(std::move(outcome));
}

void EmbedQueue::drop(const std::shared_ptr<Entry>& entry) {
  open_.erase(entry->request.id);
  const auto place = std::find(waiting_.begin(), waiting_.end(), entry);
  if (place == waiting_.end()) return;
  waiting_.erase(place);
  statistics_.waiting -= entry->request.count - entry->taken;
}

void EmbedQueue::cancel(int64_t id, const Failure& reason) {
  std::shared_ptr<Entry> entry;
  {
    const std::lock_guard lock(mutex_);
    const auto found = open_.find(id);
    if (found == open_.end()) return;
    entry = found->second;
  }
  end(entry, reason);
}

void EmbedQueue::endAll(const Failure& reason) {
  std::vector<std::shared_ptr<Entry>> entries;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, entry] : open_) entries.push_back(entry);
  }
  for (const auto& entry : entries) end(entry, reason);
}

EmbedStatistics EmbedQueue::statistics() const {
  const std::lock_guard lock(mutex_);
  return statistics_;
}

}  // namespace moco
