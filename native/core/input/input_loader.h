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

  /// The epoch's next batch, on the encoder's device; valid until the next call.
  /// @return  for each view (B, 3, s, s), channels last, of the encoder's compute type; s is the
  ///          view's size in this epoch
  virtual std::vector<at::Tensor> next() = 0;

  /// The labels of the batch that `next` returned last: (B) int64, on the encoder's device.
  virtual at::Tensor labels() const = 0;
  /// The numbers of that batch's pictures in the store: (B) int64, on the encoder's device.
  virtual at::Tensor pictureNumbers() const = 0;
};

/// What decides which inputs a loader makes, and how.
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
};

/// @param store  must be on the device that is to make its views: the CPU, or the encoder's device
std::unique_ptr<InputLoader> makeInputLoader(const ImageStore& store, const InputOptions& options);

}  // namespace moco
