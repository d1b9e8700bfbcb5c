#pragma once

#include <ATen/ATen.h>

#include <atomic>
#include <cstdint>
#include <functional>

#include "core/encoder.h"
#include "core/image_store.h"

namespace moco {

/// An encoder's backbone that is looked at and not trained: pictures to features, without a graph.
class FrozenBackbone {
 public:
  /// Pictures that `eachChunk` takes at once.
  static constexpr int64_t kChunk = 256;

  /// @param encoder        must outlive this
  /// @param normalisation  on the encoder's device
  FrozenBackbone(Encoder& encoder, Normalisation normalisation);

  /// @param input  (B, 3, H, W), normalised, as the encoder takes it
  /// @param mode   kTrain: BatchNorm takes the batch's statistics, and the running ones move
  /// @return       (B, C), not normalised, of the encoder's master type
  at::Tensor features(const at::Tensor& input, Mode mode);

  /// Features in evaluation mode of a whole store, in order and in chunks, so that memory does not
  /// grow with it.
  /// @param use  gets (b, C), not normalised, and the labels (b) on the encoder's device
  /// @throws Error ERR_MOCO_ABORTED  soon after `stop` is set
  void eachChunk(const ImageStore& store, const std::atomic<bool>& stop,
                 const std::function<void(const at::Tensor&, const at::Tensor&)>& use);

 private:
  /// @param pictures  (B, H, W, 3) uint8, on any device
  at::Tensor toInput(const at::Tensor& pictures) const;

  Encoder& encoder_;
  Normalisation normalisation_;
};

}  // namespace moco
