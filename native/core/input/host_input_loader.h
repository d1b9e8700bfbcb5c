#pragma once

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "core/input/input_loader.h"

namespace moco {

/// Makes views on the CPU, on threads of its own, a few batches ahead of the step, and takes each
/// batch to the encoder's device.
class HostInputLoader final : public InputLoader {
 public:
  /// No more threads are started than an epoch has batches.
  /// @param store  on the CPU
  HostInputLoader(const ImageStore& store, const InputOptions& options);
  HostInputLoader(const HostInputLoader&) = delete;
  HostInputLoader& operator=(const HostInputLoader&) = delete;
  ~HostInputLoader() override;

  /// One for the step, one ready, and one in the making on every thread; fewer where an epoch has
  /// no more.
  static int64_t batchesInMemory(int64_t threads) { return threads + 2; }

  int64_t batchesPerEpoch() const override { return batches_.count(); }
  void startEpoch(uint32_t epoch, int64_t firstBatch) override;
  /// Waits for the threads. Throws what a thread that made the batch threw.
  std::vector<at::Tensor> next() override;
  at::Tensor labels() const override;

 private:
  /// A batch and where it lies in the epoch, for the thread that makes it.
  struct Assignment {
    uint32_t epoch;
    int64_t batch;
    at::Tensor pictures;  // (B) int64: their numbers in the store
  };
  struct Slot {
    std::vector<at::Tensor> inputs;  // for each view (batchSize, 3, H, W), channels last
    int64_t ready = -1;              // the batch that lies here, whole
  };

  void work();
  void close();
  bool canAssign() const;
  void make(const Assignment& assignment, const Slot& slot) const;
  /// The epoch's next batch on the CPU.
  std::vector<at::Tensor> waitForBatch();
  /// (B) int64: the numbers of a batch's pictures.
  at::Tensor picturesOf(int64_t batch) const;
  Slot& slotOf(int64_t batch) { return slots_[batch % static_cast<int64_t>(slots_.size())]; }

  const ImageStore store_;
  const EpochBatches batches_;
  const int64_t viewsPerPicture_;
  const uint64_t seed_;
  const at::Device device_;  // the encoder's
  const at::Tensor table_;   // of `normalisedBytes`

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Slot> slots_;
  at::Tensor order_;  // (N) int64: the epoch's shuffle
  uint32_t epoch_ = 0;
  int64_t assigned_ = 0;        // batches handed to threads
  int64_t inWork_ = 0;          // of these, those not finished
  int64_t taken_ = 0;           // batches given to the step
  std::exception_ptr failure_;  // of a thread, for the step to throw
  bool closing_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace moco
