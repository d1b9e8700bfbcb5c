#pragma once

#include <ATen/ATen.h>

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "core/input/epoch_layout.h"
#include "core/input/image_store.h"

namespace moco {

/// Makes the training views of one epoch after the other on threads of its own, a few batches ahead
/// of the step. What it makes depends on (seed, epoch) alone, never on the number of threads.
class ViewLoader {
 public:
  /// @param store    must outlive the loader
  /// @param threads  at least one; no more are started than an epoch has batches
  ViewLoader(const ImageStore& store, int64_t batchSize, uint64_t seed, int64_t threads,
             const EpochLayout& layout = {});
  ViewLoader(const ViewLoader&) = delete;
  ViewLoader& operator=(const ViewLoader&) = delete;
  ~ViewLoader();

  /// One for the step, one ready, and one in the making on every thread; fewer where an epoch has
  /// no more.
  static int64_t batchesInMemory(int64_t threads) { return threads + 2; }

  int64_t batchesPerEpoch() const { return batches_.count(); }

  /// Shuffles the pictures and starts on the epoch's batches. The previous epoch's remaining
  /// batches are dropped.
  /// @param firstBatch  how many of the epoch's batches to leave out: those before an interruption
  void startEpoch(uint32_t epoch, int64_t firstBatch = 0);

  /// Waits for the epoch's next batch. Throws what a thread that made it threw.
  /// @return (viewsPerPicture, B, H, W, 3) uint8; valid until the next call
  at::Tensor next();

  /// (B) int64, of the batch that `next` gave last.
  at::Tensor labels() const;

 private:
  /// A batch and where it lies in the epoch, for the thread that makes it.
  struct Assignment {
    uint32_t epoch;
    int64_t batch;
  };
  struct Slot {
    at::Tensor views;    // (viewsPerPicture, batchSize, H, W, 3)
    int64_t ready = -1;  // the batch that lies here, whole
  };

  void work();
  void close();
  bool canAssign() const;
  void makeBatch(const Assignment& assignment, const std::vector<int64_t>& order,
                 const at::Tensor& views) const;
  Slot& slotOf(int64_t batch) { return slots_[batch % static_cast<int64_t>(slots_.size())]; }

  const ImageStore& store_;
  const EpochBatches batches_;
  const int64_t viewsPerPicture_;
  const uint64_t seed_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Slot> slots_;
  std::vector<int64_t> order_;  // the epoch's shuffle
  uint32_t epoch_ = 0;
  int64_t assigned_ = 0;        // batches handed to threads
  int64_t inWork_ = 0;          // … and not finished
  int64_t taken_ = 0;           // batches given to the step
  std::exception_ptr failure_;  // of a thread, for the step to throw
  bool closing_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace moco
