#pragma once

#include <ATen/ATen.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "core/device/graphed_function.h"
#include "core/distributed/peers.h"
#include "core/input/image_store.h"
#include "core/input/test_view.h"
#include "core/model/encoder.h"

namespace moco {

/// An encoder's backbone that extracts features of pictures and is not trained: without autograd.
class FrozenBackbone {
 public:
  /// Takes the features (b, C) and the labels (b) of a chunk.
  using UseChunk = std::function<void(const at::Tensor& features, const at::Tensor& labels)>;

  /// The number of pictures that `eachChunk` computes at once. On a GPU it is so large that a
  /// kernel runs for much longer than it takes to start and to end, but no larger, because a
  /// recorded graph keeps the activations of a chunk. On the CPU it is smaller, to stay in the
  /// caches. Large pictures come in smaller chunks, of about as many activations.
  /// @param positions  height × width of what the first convolution gives
  static int64_t chunkLength(const at::Device& device, int64_t positions);

  /// @param encoder   must outlive this object
  /// @param view      what it sees of a picture; its normalisation is on the encoder's device
  /// @param recorder  makes the recorder for whole chunks; empty means that none are recorded
  /// @param kernels   as for `Encoder::foldedBackbone`
  /// @param peers     with which the pictures of a store are shared out; all get all features
  FrozenBackbone(Encoder& encoder, TestView view, const MakeRecorder& recorder = {},
                 std::optional<ConvolutionKernels> kernels = {}, Peers peers = {});
  FrozenBackbone(const FrozenBackbone&) = delete;
  FrozenBackbone& operator=(const FrozenBackbone&) = delete;

  /// Extracts the features of one batch. In evaluation mode, BatchNorm is folded into the
  /// convolutions, and changes of the encoder since then have no effect: it is folded at the first
  /// call, at the first call after one in training mode, and by `eachChunk`.
  /// @param input  (B, 3, H, W), channels last, normalised, of the encoder's compute type
  /// @param mode   in training mode, BatchNorm normalises with the batch's statistics and moves the
  ///               running ones
  /// @return       (B, C), not normalised, of the encoder's master type
  at::Tensor features(const at::Tensor& input, Mode mode);

  /// Extracts the features of some pictures in evaluation mode. BatchNorm is folded as above.
  /// @param pixels  (B, H, W, 3) uint8, contiguous
  /// @return        (B, C), not normalised, of the encoder's master type, on its device
  at::Tensor featuresOf(const at::Tensor& pixels);

  /// Extracts the features of a whole store in evaluation mode, with the encoder's present weights.
  /// They come in the store's order and in chunks, so that memory does not grow with the store.
  /// @param use  is called with a chunk's features (b, C), not normalised, which are only valid
  ///             until it returns, and its labels (b); both are on the encoder's device
  /// @throws Error ERR_MOCO_ABORTED  soon after `stop` is set
  void eachChunk(const ImageStore& store, const std::atomic<bool>& stop, const UseChunk& use);
  /// The same of the pictures alone that have a label.
  void eachLabelledChunk(const ImageStore& store, const std::atomic<bool>& stop,
                         const UseChunk& use);

  /// Brings `features` in evaluation mode up to date with the encoder's present parameters and
  /// statistics.
  void refold();

  /// Whether the weights that evaluation mode computes with are finite.
  bool isFinite() const { return isFolded_ && folded_->isFinite(); }

  /// `FoldedBackbone::packedBytes` of what was folded.
  int64_t packedBytes() const { return folded_ ? folded_->packedBytes() : 0; }

  /// With which the pictures of a store are shared out.
  const Peers& peers() const { return peers_; }

  /// `chunkLength` of this backbone.
  int64_t chunkLength() const;

  /// Why recording whole chunks has failed; empty if it has not.
  const std::string& graphFailure() const { return graph_.failure(); }
  /// One line for the user about the layers that are computed more slowly than they could be,
  /// because cuDNN has no fused kernel for them; empty if there are none.
  std::string fallbackWarning() const;

 private:
  /// Some of the pictures of a store: those with the given numbers, or all.
  struct Pictures {
    const ImageStore& store;
    at::Tensor numbers;  // (n) int64, on the CPU; undefined means all

    int64_t count() const { return numbers.defined() ? numbers.size(0) : store.count(); }
    /// The pictures at the places `begin` … `end` − 1: (end − begin, H, W, 3) uint8.
    at::Tensor pixels(int64_t begin, int64_t end) const;
    at::Tensor labels(int64_t begin, int64_t end) const;
  };

  void eachChunk(const Pictures& pictures, const std::atomic<bool>& stop, const UseChunk& use);
  /// The features of test views in evaluation mode.
  /// @param views  (b, h, w, 3) uint8, on the encoder's device
  at::Tensor extract(const at::Tensor& views) const;
  /// The features of at most `chunkLength()` pictures: (end − begin, C).
  at::Tensor featuresOf(const Pictures& pictures, int64_t begin, int64_t end);

  Encoder& encoder_;
  TestView view_;
  Peers peers_;
  std::optional<ConvolutionKernels> kernels_;
  std::optional<FoldedBackbone> folded_;
  bool isFolded_ = false;  // whether the statistics have not moved since `folded_` was made
  GraphedFunction graph_;  // calls `extract` for whole chunks
};

}  // namespace moco
