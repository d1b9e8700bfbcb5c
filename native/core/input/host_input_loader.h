#pragma once

#include "core/input/input_loader.h"
#include "core/input/view_loader.h"

namespace moco {

/// Takes views from a ViewLoader to the encoder's device, and normalises them there.
class HostInputLoader final : public InputLoader {
 public:
  /// @param store  on any device
  HostInputLoader(const ImageStore& store, InputOptions options);

  int64_t batchesPerEpoch() const override { return loader_.batchesPerEpoch(); }
  void startEpoch(uint32_t epoch, int64_t firstBatch) override;
  std::vector<at::Tensor> next() override;
  at::Tensor labels() const override;

 private:
  /// Waits for the threads. (V, B, H, W, 3) uint8
  at::Tensor nextViews();

  InputOptions options_;
  ImageStore store_;  // on the CPU
  ViewLoader loader_;
};

}  // namespace moco
