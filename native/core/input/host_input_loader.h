#pragma once

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "core/input/input_loader.h"

namespace moco {

/// Makes views on the CPU, on threads of its own, a few batches ahead of the step, and copies each
/// batch to the encoder's device.
class HostInputLoader final : public InputLoader {
 public:
  /// Starts the threads, but no more than an epoch has batches.
  /// @param store  on the CPU, or in a file
  HostInputLoader(const ImageStore& store, const InputOptions& options);
  HostInputLoader(const HostInputLoader&) = delete;
  HostInputLoader& operator=(const HostInputLoader&) = delete;
  ~HostInputLoader() override;

  /// The number of batches that are kept in memory: one that the step reads, one that is ready, and
  /// one that is being made by each thread. It is smaller if an epoch has fewer batches.
  static int64_t batchesInMemory(int64_t threads) { return threads + 2; }

  int64_t batchesPerEpoch() const override { return batches_.count(); }
  void startEpoch(uint32_t epoch, int64_t firstBatch) override;
  /// Waits until the batch is made. Throws the exception of a thread that has failed.
  std::vector<at::Tensor> next() override;
  at::Tensor labels() const override;
  at::Tensor pictureNumbers() const override;

 private:
  /// What a thread has to make: one batch of an epoch.
  struct Assignment {
    uint32_t epoch;
    int64_t batch;
    at::Tensor pictures;   // (B / N) int64: their numbers in the store
    at::Tensor shuffled;   // the same for views that are shuffled; undefined: there are none
    at::Tensor following;  // int64: those of a later batch, to be fetched from the disk meanwhile
  };
  /// Memory for a batch. Batches take turns in the slots.
  struct Slot {
    std::vector<at::Tensor> memory;  // for each view, of a batch in full size
    int64_t ready = -1;              // number of the batch that is here and complete
  };

  void work();
  void close();
  bool canAssign() const;
  void make(const Assignment& assignment, const Slot& slot) const;
  /// Makes those views of some pictures that are shuffled, or those that are not.
  void makeOf(const at::Tensor& pictures, bool shuffled, uint32_t epoch,
              const std::vector<at::Tensor>& places) const;
  /// The epoch's next batch to be made.
  Assignment nextAssignment() const;
  /// The places of a batch's views in a slot, each (B / N, 3, s, s), channels last.
  std::vector<at::Tensor> placesIn(const Slot& slot, uint32_t epoch, int64_t batch) const;
  void prefetch(const Assignment& assignment) const;
  /// The epoch's next batch, on the CPU.
  std::vector<at::Tensor> waitForBatch();
  /// The numbers of a batch's pictures in the store: (B) int64.
  at::Tensor picturesOf(int64_t batch) const;
  /// Of how many pictures of a batch this loader makes views.
  int64_t lengthOf(int64_t batch) const { return batches_.length(batch) / share_.processes; }
  /// Those of the first batch for which there is no memory yet.
  at::Tensor toBePrefetched() const;
  Slot& slotOf(int64_t batch) { return slots_[batch % static_cast<int64_t>(slots_.size())]; }

  const ImageStore store_;
  const EpochBatches batches_;
  const std::vector<ViewPlan> views_;
  const ViewGrowth growth_;
  const BatchShare share_;
  const uint64_t seed_;
  const at::Device device_;  // the encoder's
  const at::Tensor table_;   // from `normalisedBytes`

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Slot> slots_;
  at::Tensor order_;  // (N) int64: the epoch's order of the pictures
  uint32_t epoch_ = 0;
  int64_t assigned_ = 0;        // number of batches handed to threads
  int64_t inWork_ = 0;          // number of those that are not finished
  int64_t taken_ = 0;           // number of batches given to the step
  std::exception_ptr failure_;  // of a thread; `next` throws it
  bool closing_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace moco
