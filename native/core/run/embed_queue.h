#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "core/run/embed_request.h"

namespace moco {

/// How many pictures an `EmbedQueue` has seen, and in which batches.
struct EmbedStatistics {
  int64_t waiting = 0;  // pictures that no batch has taken yet
  int64_t batches = 0;
  int64_t pictures = 0;                   // in those batches
  double seconds = 0;                     // that the encoder has computed for
  std::map<int64_t, int64_t> batchSizes;  // how many batches had so many pictures
};

/// Requests that wait to be computed. Pictures are taken from them in turn, a share from each, so
/// that a small request never waits for the whole of a large one. All functions may be called on
/// any thread.
class EmbedQueue {
 public:
  /// A request and how far it is. Only one thread takes pictures and computes them; what is read
  /// and written by others is guarded by the queue.
  struct Entry {
    EmbedRequest request;
    OnEmbedded onEnd;
    int64_t taken = 0;     // pictures that batches have taken
    int64_t computed = 0;  // pictures whose rows are there
    EmbedRows rows = {};
    bool ended = false;  // guarded: `onEnd` was called, or is about to be
  };
  /// Consecutive pictures of one request.
  struct Part {
    std::shared_ptr<Entry> entry;
    int64_t begin, end;
  };

  void add(EmbedRequest request, OnEmbedded onEnd);

  /// Takes pictures for one batch.
  /// @param most  so many at most
  /// @return      one part of each request that has its turn; none where nothing waits
  std::vector<Part> take(int64_t most);

  /// Adds to the time that the encoder has computed for.
  void addSeconds(double seconds);

  /// Ends a request, unless that was done: its pictures that wait are dropped.
  void end(const std::shared_ptr<Entry>& entry, EmbedOutcome outcome);

  /// Ends a request that was given up. Nothing happens where there is none of that id.
  void cancel(int64_t id, const Failure& reason);

  /// Ends all requests.
  void endAll(const Failure& reason);

  EmbedStatistics statistics() const;

 private:
  void drop(const std::shared_ptr<Entry>& entry);

  mutable std::mutex mutex_;
  std::map<int64_t, std::shared_ptr<Entry>> open_;  // by id: what has not ended
  std::deque<std::shared_ptr<Entry>> waiting_;  // that has pictures to take; whose turn it is first
  EmbedStatistics statistics_;
};

}  // namespace moco
