#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/files/state_dict.h"
#include "core/model/backbone.h"
#include "core/model/folded_backbone.h"
#include "core/model/projection_head.h"

namespace moco {

struct EncoderOptions {
  std::string arch;
  Stem stem = Stem::kCifar;
  int64_t featureDim;  // length of the head's output; 0: no head
  at::Device device;
  at::ScalarType compute;              // of convolutions and linear layers: kFloat or kBFloat16
  at::ScalarType master = at::kFloat;  // of the parameters, their gradients and statistics
  /// In training, so many equal parts of a batch are normalised by BatchNorm on their own.
  int64_t batchNormGroups = 1;
};

enum class Mode { kTrain, kEvaluate };

/// Of the convolutions and linear layers in one picture's forward pass.
struct MultiplyAdds {
  int64_t backbone, head;
};

/// Name and shape of every entry of an encoder's state dict, in PyTorch's order.
/// @param featureDim  0: of the backbone alone
/// @throws Error ERR_MOCO_CONFIG  for an arch that does not exist
std::vector<TensorSpec> encoderLayout(const std::string& arch, Stem stem, int64_t featureDim);

/// Backbone and projection head with their parameters and BatchNorm statistics. Where `compute` is
/// narrower than `master`, convolutions and linear layers run on copies of their weights, which
/// `refreshWeights` makes; BatchNorm keeps the master parameters.
class Encoder {
 public:
  explicit Encoder(const EncoderOptions& options);

  /// Another encoder with the same parameters, in memory too, and a copy of the statistics.
  Encoder withOwnStatistics() const;

  /// Draws all parameters as the reference does and resets the statistics.
  void initialise(uint64_t seed);
  /// Takes over parameters; the statistics stay its own (reference: a copy of the parameters).
  void copyParametersFrom(const Encoder& other);

  /// Carries changed parameters into the copies that the layers compute with.
  void refreshWeights();

  /// @param pictures  (B, 3, H, W), channels last, of type `compute`
  /// @return          (B, 512), or (B, 2048) of a ResNet-50; not normalised
  at::Tensor backbone(const at::Tensor& pictures, Mode mode);
  /// The backbone in evaluation mode, as it is now.
  FoldedBackbone foldedBackbone() const;
  /// Makes one that was folded before what the backbone is now, in the same memory.
  void refold(FoldedBackbone& folded) const { folded.refold(masters()); }
  /// For an encoder with a head.
  /// @param features  what `backbone` returned
  /// @return          (B, featureDim), L2-normalised, of type `master`
  at::Tensor project(const at::Tensor& features, Mode mode);

  const EncoderOptions& options() const { return options_; }
  /// Length of what `backbone` returns of a picture.
  int64_t backboneDim() const { return backbone_.featureDim(); }

  /// @param height, width  of the picture
  MultiplyAdds multiplyAdds(int64_t height, int64_t width) const;

  const NamedTensors& parameters() const { return parameters_; }
  /// BatchNorm's running statistics.
  const NamedTensors& statistics() const { return statistics_; }
  int64_t batchesTracked() const { return batchesTracked_; }
  void setBatchesTracked(int64_t batches) { batchesTracked_ = batches; }

  /// The tensors to differentiate by, one for each of `parameters()`.
  const std::vector<at::Tensor>& weights() const { return weights_; }

  /// What `state_dict()` holds in Python, in its order. The tensors are those in use, not copies.
  StateDict stateDict() const;
  /// Takes over parameters and statistics from tensors of any floating-point type, on any device.
  /// Names that the encoder does not have are passed over; BatchNorm's `num_batches_tracked`, which
  /// old files lack, may be missing.
  /// @throws Error ERR_MOCO_CHECKPOINT  naming what is missing or misshaped; the encoder stays as
  /// it was
  void loadState(const StateDict& state);

 private:
  /// Mean 0 and variance 1, as BatchNorm starts.
  void resetStatistics();
  const at::Tensor& tensorOf(const StateEntry& entry) const;
  /// The backbone in evaluation mode, in full precision.
  Pass masters() const { return {parameters_.views(), statistics_, /*training=*/false}; }
  Pass pass(Mode mode) const {
    return {weights_, statistics_, mode == Mode::kTrain, options_.batchNormGroups};
  }

  EncoderOptions options_;
  NetworkPlan plan_;
  Backbone backbone_;
  std::optional<ProjectionHead> head_;
  NamedTensors parameters_;
  NamedTensors statistics_;
  std::optional<NamedTensors> computeCopies_;
  std::vector<at::Tensor> weights_;
  int64_t batchesTracked_ = 0;
};

/// x / max(‖x‖₂, 1e-12) by row, as PyTorch's `normalize`.
at::Tensor normaliseRows(const at::Tensor& x);

}  // namespace moco
