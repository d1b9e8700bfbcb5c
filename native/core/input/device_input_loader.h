#pragma once

#include <future>

#include "core/input/input_loader.h"

namespace moco {

/// Makes views where the pictures lie. Only what is random comes from the CPU: it is drawn there
/// for a whole epoch, in the background during the one before, and carried over once. GPUs compute
/// exponentials and logarithms that differ in the last bits, and with them another crop.
class DeviceInputLoader final : public InputLoader {
 public:
  /// @param store  on the encoder's device
  DeviceInputLoader(const ImageStore& store, const InputOptions& options);

  int64_t batchesPerEpoch() const override { return batches_.count(); }
  void startEpoch(uint32_t epoch, int64_t firstBatch) override;
  std::vector<at::Tensor> next() override;
  at::Tensor labels() const override;

 private:
  struct Epoch {
    uint32_t number;
    at::Tensor order;               // (N) int64: the shuffle
    std::vector<at::Tensor> draws;  // for each view (N, …), in that order
  };

  /// On the CPU.
  Epoch draw(uint32_t number) const;
  Epoch toDevice(const Epoch& epoch) const;
  /// The part of a tensor over the epoch's order that a batch is.
  at::Tensor ofBatch(const at::Tensor& ordered, int64_t batch) const;

  const ImageStore store_;
  const EpochBatches batches_;
  const int64_t viewsPerPicture_;
  const uint64_t seed_;
  const at::Tensor table_;  // of `normalisedBytes`
  Epoch epoch_{};           // on the device
  int64_t taken_;           // batches given to the step
  std::future<Epoch> following_;
};

}  // namespace moco
