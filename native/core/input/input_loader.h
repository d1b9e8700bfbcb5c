#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "core/input/epoch_layout.h"
#include "core/input/image_store.h"
#include "core/input/view_settings.h"

namespace moco {

/// Makes the encoder's inputs, one batch of an epoch after the other: normalised views of the
/// batch's pictures. They depend on seed and epoch alone, not on the device or the number of
/// threads that make them.
class InputLoader {
 public:
  virtual ~InputLoader() = default;

  virtual int64_t batchesPerEpoch() const = 0;

  /// Shuffles the pictures and begins an epoch. Batches that are left of the previous one are
  /// dropped.
  /// @param firstBatch  how many batches to leave out, because they came before an interruption
  virtual void startEpoch(uint32_t epoch, int64_t firstBatch = 0) = 0;

  /// The epoch's next batch, on the encoder's device; valid until the next call. With N processes,
  /// it is this process's share of one.
  /// @return  for each view (B / N, 3, s, s), channels last, of the encoder's compute type; s is
  ///          its size in this epoch
  virtual std::vector<at::Tensor> next() = 0;

  /// The labels of the whole batch that `next` returned last: (B) int64, on the encoder's device.
  virtual at::Tensor labels() const = 0;
  /// The numbers of that batch's pictures in the store: (B) int64, on the encoder's device.
  virtual at::Tensor pictureNumbers() const = 0;
};

/// A process's share of every batch, in order of rank. Batches must be divisible.
struct BatchShare {
  int64_t rank = 0, processes = 1;

  /// (B, …) → (B / N, …)
  at::Tensor of(const at::Tensor& batch) const {
    const int64_t length = batch.size(0) / processes;
    return batch.narrow(0, rank * length, length);
  }
};

/// The number by which one of a loader's views is drawn.
inline int64_t numberOf(const std::vector<ViewPlan>& views, size_t place) {
  return views[place].number.value_or(static_cast<int64_t>(place));
}

/// What decides which inputs a loader makes, and how. A view with `isShuffled` is of the pictures
/// that come at this process's places in the batch's `keyOrder`.
struct InputOptions {
  at::Device device;            // the encoder's
  at::ScalarType compute;       // the encoder's
  Normalisation normalisation;  // on any device
  std::vector<ViewPlan> views;  // of each picture
  ViewGrowth growth = {};
  int64_t batchSize;
  uint64_t seed;
  int64_t threads;  // that make views on the CPU, at least one
  EpochLayout layout = {};
  BatchShare share = {};
};

/// @param store  must be on the device that is to make its views: the CPU, or the encoder's device
std::unique_ptr<InputLoader> makeInputLoader(const ImageStore& store, const InputOptions& options);

}  // namespace moco
