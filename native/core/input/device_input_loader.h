#pragma once

#include <future>

#include "core/input/input_loader.h"

namespace moco {

/// Makes views on the device that holds the pictures. What is random is drawn on the CPU, because a
/// GPU's exponentials and logarithms differ in the last bits and would give other crops. It is
/// drawn for a whole epoch at once, in the background while the epoch before is trained on, and
/// copied to the device once.
class DeviceInputLoader final : public InputLoader {
 public:
  /// @param store  on the encoder's device
  DeviceInputLoader(const ImageStore& store, const InputOptions& options);

  int64_t batchesPerEpoch() const override { return batches_.count(); }
  void startEpoch(uint32_t epoch, int64_t firstBatch) override;
  std::vector<at::Tensor> next() override;
  at::Tensor labels() const override;
  at::Tensor pictureNumbers() const override;

 private:
  struct Epoch {
    uint32_t number;
    at::Tensor order;               // (N) int64: the order of the pictures
    std::vector<at::Tensor> draws;  // for each view, the draws (N, …) in that order
  };

  /// Draws an epoch, on the CPU.
  Epoch draw(uint32_t number) const;
  Epoch toDevice(const Epoch& epoch) const;
  /// This process's share of a tensor that is in the epoch's order, for a view of a batch.
  at::Tensor shareOf(const at::Tensor& ordered, int64_t batch, const ViewPlan& view) const;
  /// A batch's part of a tensor that is in the epoch's order.
  at::Tensor ofBatch(const at::Tensor& ordered, int64_t batch) const;

  const ImageStore store_;
  const EpochBatches batches_;
  const std::vector<ViewPlan> views_;
  const ViewGrowth growth_;
  const BatchShare share_;
  const uint64_t seed_;
  const at::Tensor table_;        // from `normalisedBytes`
  Epoch epoch_{};                 // the present one, on the device
  int64_t taken_;                 // number of batches given to the step
  std::future<Epoch> following_;  // the next one, on the CPU
};

}  // namespace moco
