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

/// The settings of an encoder's layers.
struct EncoderSettings {
  std::string arch;
  std::string stem = "cifar";  // a name for `stemNamed`
  int64_t featureDim;          // length of the head's output; 0 means no head
  /// In training, BatchNorm divides a batch into so many equal parts and normalises each with the
  /// part's own mean and variance.
  int64_t batchNormGroups = 1;

  /// Calls `visit(name, value)` for every setting.
  template <class Visit>
  void each(Visit&& visit) {
    visit("arch", arch);
    visit("stem", stem);
    visit("featureDim", featureDim);
    visit("batchNormGroups", batchNormGroups);
  }
};

/// What decides the layers of an encoder, and where and in which types it computes.
struct EncoderOptions {
  EncoderSettings settings;
  at::Device device;
  at::ScalarType compute;              // of convolutions and linear layers: kFloat or kBFloat16
  at::ScalarType master = at::kFloat;  // of the parameters, their gradients, and the statistics
  bool pointwiseBatchNorm = false;     // in training; see `pointwiseConvolutionBatchNorm`
};

/// Whether BatchNorm normalises with the batch's statistics and moves the running ones (kTrain), or
/// normalises with the running ones (kEvaluate).
enum class Mode { kTrain, kEvaluate };

/// Multiply-adds of the convolutions and linear layers in the forward pass of one picture.
struct MultiplyAdds {
  int64_t backbone, head;
};

/// Name and shape of every entry of an encoder's state dict, in PyTorch's order.
/// @param featureDim  length of the head's output; 0 means the backbone alone
/// @throws Error ERR_MOCO_CONFIG  for an arch that does not exist
std::vector<TensorSpec> encoderLayout(const std::string& arch, Stem stem, int64_t featureDim);

/// Backbone and projection head with their parameters and BatchNorm statistics. If `compute`
/// differs from `master`, convolutions and linear layers use copies of their weights in that type,
/// which `refreshWeights` brings up to date. BatchNorm always uses the master parameters.
class Encoder {
 public:
  /// Makes the layers, with all parameters zero until `initialise`, `loadState` or
  /// `copyParametersFrom`.
  /// @throws Error ERR_MOCO_CONFIG  for an arch or a stem that does not exist
  explicit Encoder(const EncoderOptions& options);

  /// An encoder that shares this one's parameters (the same memory) and has a copy of its
  /// statistics.
  Encoder withOwnStatistics() const;

  /// Draws all parameters from the reference's distributions and resets the statistics.
  void initialise(uint64_t seed);
  /// Copies the parameters of another encoder, but not its statistics, as the reference does when
  /// it makes the key encoder.
  void copyParametersFrom(const Encoder& other);

  /// Brings the copies that the layers compute with up to date. To be called whenever the
  /// parameters have changed.
  void refreshWeights();

  /// The features of pictures. In training mode, BatchNorm normalises with the batch's mean and
  /// variance and moves the running statistics.
  /// @param pictures  (B, 3, H, W), channels last, of type `compute`
  /// @return          (B, backboneDim()), not normalised
  at::Tensor backbone(const at::Tensor& pictures, Mode mode);
  /// The backbone in evaluation mode, with a copy of its present weights and statistics. The
  /// encoder must outlive it.
  /// @param kernels  that compute it while all weights are finite; absent: the fastest
  FoldedBackbone foldedBackbone(std::optional<ConvolutionKernels> kernels = {}) const;
  /// Brings a folded backbone up to date with this encoder, in the memory that it has.
  void refold(FoldedBackbone& folded) const { folded.refold(masters()); }
  /// What the projection head makes of features. The encoder must have a head.
  /// @param features  what `backbone` returned
  /// @return          (B, featureDim), not normalised, of type `master`
  at::Tensor head(const at::Tensor& features, Mode mode);
  /// The projection of features, which the loss compares: what `head` gives, L2-normalised.
  at::Tensor project(const at::Tensor& features, Mode mode);

  const EncoderOptions& options() const { return options_; }
  /// Length of a picture's feature: 512, or 2048 for a ResNet-50.
  int64_t backboneDim() const { return backbone_.featureDim(); }

  /// Height × width of what the first convolution makes of a picture.
  /// @param imageSize  height and width of the picture
  int64_t firstPositions(int64_t imageSize) const;

  /// @param height, width  of the picture
  MultiplyAdds multiplyAdds(int64_t height, int64_t width) const;

  const NamedTensors& parameters() const { return parameters_; }
  /// BatchNorm's running statistics.
  const NamedTensors& statistics() const { return statistics_; }
  int64_t batchesTracked() const { return batchesTracked_; }
  void setBatchesTracked(int64_t batches) { batchesTracked_ = batches; }

  /// The tensors that the layers compute with and that gradients are taken of, one for each of
  /// `parameters()`.
  const std::vector<at::Tensor>& weights() const { return weights_; }

  /// The entries of Python's `state_dict()`, in its order. Parameters and statistics are those in
  /// use, not copies.
  StateDict stateDict() const;
  /// Copies parameters and statistics from tensors of any floating-point type, on any device. Names
  /// that the encoder does not have are ignored. BatchNorm's `num_batches_tracked` may be missing,
  /// because old files lack it.
  /// @throws Error ERR_MOCO_CHECKPOINT  with the name of a tensor that is missing or has another
  ///                                    shape; the encoder then stays as it was
  void loadState(const StateDict& state);
  /// Copies those parameters and statistics that a state has; the others stay as they are.
  /// @throws Error ERR_MOCO_CHECKPOINT  if one has another shape
  void loadPart(const StateDict& state);

 private:
  /// Sets the running statistics to mean 0 and variance 1, where BatchNorm starts.
  void resetStatistics();
  const at::Tensor& tensorOf(const StateEntry& entry) const;
  /// What the layers compute with in evaluation mode, in full precision.
  Pass masters() const { return {parameters_.views(), statistics_, /*training=*/false}; }
  Pass pass(Mode mode) const {
    return {.weights = weights_,
            .buffers = statistics_,
            .training = mode == Mode::kTrain,
            .batchNormGroups = options_.settings.batchNormGroups,
            .counters = &counters_,
            .pointwiseBatchNorm = options_.pointwiseBatchNorm};
  }

  EncoderOptions options_;
  NetworkPlan plan_;
  Backbone backbone_;
  std::optional<ProjectionHead> head_;
  NamedTensors parameters_;
  NamedTensors statistics_;
  NamedTensors counters_;  // for the kernels of one pass at a time, as are the statistics
  std::optional<NamedTensors> computeCopies_;
  std::vector<at::Tensor> weights_;
  int64_t batchesTracked_ = 0;
};

}  // namespace moco
