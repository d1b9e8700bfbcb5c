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
#include "core/model/mlp.h"

namespace moco {

/// The settings of an encoder's layers.
struct EncoderSettings {
  std::string arch;
  double width = 1;            // factor of the backbone's numbers of channels
  std::string stem = "cifar";  // a name for `stemNamed`
  bool zeroInit = false;       // see `BackboneSettings`
  int64_t featureDim;          // length of a projection; 0 means no head
  int64_t headLayers = 2;      // of the projection head; 0: the projection is the feature
  int64_t headHiddenDim = 512;
  bool headBatchNorm = true;
  std::string headLastBatchNorm = "none";
  int64_t predictorLayers = 0;  // of the predictor, from projections to vectors of their length
  int64_t predictorHiddenDim = 512;
  bool predictorBatchNorm = true;
  std::string predictorLastBatchNorm = "none";
  /// In training, BatchNorm divides a batch into so many equal parts and normalises each with the
  /// part's own mean and variance.
  int64_t batchNormGroups = 1;

  /// Calls `visit(name, value)` for every setting.
  template <class Visit>
  void each(Visit&& visit) {
    eachOfBackbone(visit);
    eachOfHead(visit);
    visit("zeroInit", zeroInit);
    visit("predictorLayers", predictorLayers);
    visit("predictorHiddenDim", predictorHiddenDim);
    visit("predictorBatchNorm", predictorBatchNorm);
    visit("predictorLastBatchNorm", predictorLastBatchNorm);
    visit("batchNormGroups", batchNormGroups);
  }
  /// The same for those that decide what a trained backbone computes.
  template <class Visit>
  void eachOfBackbone(Visit&& visit) {
    visit("arch", arch);
    visit("width", width);
    visit("stem", stem);
  }
  /// The same for those of the projection head.
  template <class Visit>
  void eachOfHead(Visit&& visit) {
    visit("featureDim", featureDim);
    visit("headLayers", headLayers);
    visit("headHiddenDim", headHiddenDim);
    visit("headBatchNorm", headBatchNorm);
    visit("headLastBatchNorm", headLastBatchNorm);
  }

  BackboneSettings backbone() const;
  MlpSettings head() const;
  MlpSettings predictor() const;
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
  int64_t backbone, head;  // the predictor, if there is one, counts to the head
};

/// The layers of an encoder, as they are planned one after the other.
struct EncoderLayers {
  /// @param plan  gets their parameters and buffers added: the backbone's (`f.…`), the projection
  ///              head's (`g.…`), and the predictor's (`h.…`)
  /// @throws Error ERR_MOCO_CONFIG  for settings that make no encoder
  EncoderLayers(const EncoderSettings& settings, NetworkPlan& plan);

  Backbone backbone;
  std::optional<Mlp> head;
  std::optional<Mlp> predictor;
};

/// Name and shape of every entry of an encoder's state dict, in PyTorch's order.
/// @throws Error ERR_MOCO_CONFIG  for settings that make no encoder
std::vector<TensorSpec> encoderLayout(const EncoderSettings& settings);

/// Whether a tensor of an encoder's state belongs to its predictor, which only training needs.
inline bool isOfPredictor(const std::string& name) { return name.starts_with("h."); }

/// Backbone, projection head and predictor with their parameters and BatchNorm statistics. If
/// `compute` differs from `master`, convolutions and linear layers use copies of their weights in
/// that type, which `refreshWeights` brings up to date. BatchNorm always uses the master
/// parameters.
class Encoder {
 public:
  /// Makes the layers, with all parameters zero until `initialise`, `loadState` or
  /// `copyParametersFrom`.
  /// @throws Error ERR_MOCO_CONFIG  for settings that make no encoder
  explicit Encoder(const EncoderOptions& options);

  /// An encoder that shares this one's parameters (the same memory) and has a copy of its
  /// statistics.
  Encoder withOwnStatistics() const;

  /// Draws all parameters from the reference's distributions and resets the statistics.
  void initialise(uint64_t seed);
  /// Copies the parameters of another encoder, but not its statistics, as the reference does when
  /// it makes the key encoder. The other one may have a predictor more.
  void copyParametersFrom(const Encoder& other);

  /// Brings the copies that the layers compute with up to date. To be called whenever the
  /// parameters have changed.
  void refreshWeights();

  /// The features of pictures. In training mode, BatchNorm normalises with the batch's mean and
  /// variance and moves the running statistics.
  /// @param pictures  (B, 3, H, W), channels last, of type `compute`
  /// @param batches   the pictures are those of so many batches of one length, one after the other.
  ///                  In training, BatchNorm normalises each as if it had been given alone; the
  ///                  running statistics move once, towards the mean of theirs
  /// @return          (B, backboneDim()), not normalised
  at::Tensor backbone(const at::Tensor& pictures, Mode mode, int64_t batches = 1);
  /// The backbone in evaluation mode, with a copy of its present weights and statistics. The
  /// encoder must outlive it.
  /// @param kernels  that compute it while all weights are finite; absent: the fastest
  FoldedBackbone foldedBackbone(std::optional<ConvolutionKernels> kernels = {}) const;
  /// Brings a folded backbone up to date with this encoder, in the memory that it has.
  void refold(FoldedBackbone& folded) const { folded.refold(masters()); }
  /// What the projection head makes of features. The encoder must have projections.
  /// @param features  what `backbone` returned
  /// @return          (B, featureDim), not normalised, of type `master`
  at::Tensor head(const at::Tensor& features, Mode mode, int64_t batches = 1);
  /// The projection of features, which the loss compares: what `head` gives, L2-normalised.
  at::Tensor project(const at::Tensor& features, Mode mode, int64_t batches = 1);
  /// What the predictor makes of projections, L2-normalised. The encoder must have a predictor.
  /// @param projections  what `head` returned
  /// @return             (B, featureDim), of type `master`
  at::Tensor predict(const at::Tensor& projections, Mode mode, int64_t batches = 1);

  const EncoderOptions& options() const { return options_; }
  /// Length of a picture's feature: with width 1, 512, or 2048 from ResNet-50 on.
  int64_t backboneDim() const { return layers_.backbone.featureDim(); }
  bool hasPredictor() const { return layers_.predictor.has_value(); }

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
  Pass pass(Mode mode, int64_t batches) const {
    return {.weights = weights_,
            .buffers = statistics_,
            .training = mode == Mode::kTrain,
            .batchNormGroups = options_.settings.batchNormGroups * batches,
            .counters = &counters_,
            .pointwiseBatchNorm = options_.pointwiseBatchNorm};
  }

  EncoderOptions options_;
  NetworkPlan plan_;
  EncoderLayers layers_;
  NamedTensors parameters_;
  NamedTensors statistics_;
  NamedTensors counters_;  // for the kernels of one pass at a time, as are the statistics
  std::optional<NamedTensors> computeCopies_;
  std::vector<at::Tensor> weights_;
  int64_t batchesTracked_ = 0;
};

}  // namespace moco
