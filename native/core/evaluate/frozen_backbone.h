#pragma once

#include <ATen/ATen.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "core/device/graphed_function.h"
#include "core/input/image_store.h"
#include "core/model/encoder.h"

namespace moco {

/// An encoder's backbone that is looked at and not trained: pictures to features, without autograd.
class FrozenBackbone {
 public:
  /// Pictures that `eachChunk` takes at once. On a GPU so many that a kernel runs for much longer
  /// than it takes to start and to end, and no more, because a recorded graph keeps its
  /// activations; on the CPU so few that they are near.
  static int64_t chunkLength(const at::Device& device) { return device.is_cpu() ? 256 : 512; }

  /// @param encoder        must outlive this
  /// @param normalisation  on the encoder's device
  /// @param recorder       of what a whole chunk gives the device; empty: nothing is recorded
  FrozenBackbone(Encoder& encoder, Normalisation normalisation, const MakeRecorder& recorder = {});
  FrozenBackbone(const FrozenBackbone&) = delete;
  FrozenBackbone& operator=(const FrozenBackbone&) = delete;

  /// In evaluation mode the encoder's parameters are those of the first call, of the first after
  /// one in training mode, or of the last `eachChunk`: BatchNorm is folded into them once.
  /// @param input  (B, 3, H, W), normalised, as the encoder takes it
  /// @param mode   kTrain: BatchNorm takes the batch's statistics, and the running ones move
  /// @return       (B, C), not normalised, of the encoder's master type
  at::Tensor features(const at::Tensor& input, Mode mode);

  /// Features in evaluation mode of a whole store by the encoder as it is now, in order and in
  /// chunks, so that memory does not grow with the store.
  /// @param use  gets (b, C), not normalised, valid until it returns, and the labels (b) on the
  ///             encoder's device
  /// @throws Error ERR_MOCO_ABORTED  soon after `stop` is set
  void eachChunk(const ImageStore& store, const std::atomic<bool>& stop,
                 const std::function<void(const at::Tensor&, const at::Tensor&)>& use);

  /// Why whole chunks are not recorded, though they should be; empty where nothing is wrong.
  const std::string& graphFailure() const { return graph_.failure(); }

 private:
  void refold();
  /// @param pictures  (b, H, W, 3) uint8, on the encoder's device
  at::Tensor extract(const at::Tensor& pictures) const;

  Encoder& encoder_;
  Normalisation normalisation_;
  std::optional<FoldedBackbone> folded_;
  bool isFolded_ = false;  // … as the statistics are now
  GraphedFunction graph_;  // `extract`, of a whole chunk
};

}  // namespace moco
