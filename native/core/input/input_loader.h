#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "core/input/epoch_layout.h"
#include "core/input/image_store.h"

namespace moco {

/// Makes the encoder's inputs, one batch of an epoch after the other: views of the batch's
/// pictures, normalised. What it makes depends on (seed, epoch) alone, never on where it is made or
/// by how many threads.
class InputLoader {
 public:
  virtual ~InputLoader() = default;

  virtual int64_t batchesPerEpoch() const = 0;

  /// Shuffles the pictures and starts on the epoch's batches. The previous epoch's remaining
  /// batches are dropped.
  /// @param firstBatch  how many of the epoch's batches to leave out: those before an interruption
  virtual void startEpoch(uint32_t epoch, int64_t firstBatch = 0) = 0;

  /// The epoch's next batch, on the encoder's device; valid until the next call.
  /// @return  for each view (B, 3, H, W), channels last, of the encoder's compute type
  virtual std::vector<at::Tensor> next() = 0;

  /// (B) int64, on the encoder's device, of the batch that came last.
  virtual at::Tensor labels() const = 0;
};

struct InputOptions {
  at::Device device;            // the encoder's
  at::ScalarType compute;       // the encoder's
  Normalisation normalisation;  // on any device
  int64_t batchSize;
  uint64_t seed;
  int64_t threads;  // that make views on the CPU, at least one
  EpochLayout layout = {};
};

/// @param store  lies where its views are made: on the CPU, or on the encoder's device
std::unique_ptr<InputLoader> makeInputLoader(const ImageStore& store, const InputOptions& options);

}  // namespace moco
