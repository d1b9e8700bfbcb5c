#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/model/layers.h"

namespace moco {

/// The layers before a ResNet's four stages.
enum class Stem {
  kCifar,      // 3×3 convolution of stride 1, no max-pool: for small pictures
  kCifarPool,  // the same, and a 3×3 max-pool of stride 2
  kImagenet,   // 7×7 convolution of stride 2, 3×3 max-pool of stride 2
};

/// The stem that a name stands for.
/// @param name  `cifar`, `cifar-pool` or `imagenet`
/// @throws Error ERR_MOCO_CONFIG  for another name
Stem stemNamed(const std::string& name);

/// What decides the layers of a backbone.
struct BackboneSettings {
  std::string arch;  // `resnet18`, `resnet34`, `resnet50`, `resnet101` or `resnet152`
  Stem stem = Stem::kCifar;
  double width = 1;  // factor of every number of channels
  /// The weight of each residual block's last BatchNorm starts at 0, so that the block starts as
  /// the identity (Goyal et al. 2017, section 5.1).
  bool zeroInit = false;
};

/// A ResNet (He et al., CVPR 2016) without classifier. Parameters have the reference's names: `f.0`
/// and `f.1` for the stem, `f.3` … `f.6` for the four stages.
class Backbone {
 public:
  /// A convolution and the BatchNorm that follows it.
  struct ConvNorm {
    Convolution convolution;
    BatchNorm norm;

    /// norm(convolution(x)), and what follows it.
    /// @param x         (B, in, H, W), channels last
    /// @param residual  of the shape of the result, for kAddRelu
    Twins operator()(const Pass& pass, const at::Tensor& x, Epilogue epilogue,
                     const at::Tensor& residual = {}) const;
  };
  /// relu(body(x) + shortcut(x)), with a ReLU between the body's layers.
  struct ResidualBlock {
    std::vector<ConvNorm> body;
    std::optional<ConvNorm> shortcut;
  };

  /// @param plan  gets the backbone's parameters and buffers added
  /// @throws Error ERR_MOCO_CONFIG  for an arch that does not exist, or a width that does not give
  ///                                a multiple of 16 channels everywhere
  Backbone(const BackboneSettings& settings, NetworkPlan& plan);

  /// @param pictures  (B, 3, H, W), channels last
  /// @return          (B, featureDim()), averaged over all positions
  at::Tensor operator()(const Pass& pass, const at::Tensor& pictures) const;

  /// Length of a picture's feature: with width 1, 512, or 2048 from ResNet-50 on.
  int64_t featureDim() const { return featureDim_; }

  /// The sizes of one convolution, for one picture.
  struct LayerSize {
    int64_t weights;  // elements of its weight
    int64_t kernel, stride;
    int64_t channels;   // of its output
    int64_t positions;  // height × width of its output
    bool isShortcut;
    int64_t pooledPositions = 0;  // those that a max-pool after it leaves
  };
  /// The sizes of all convolutions, in the order of the forward pass; a block's shortcut comes
  /// after its body.
  /// @param plan           the plan that the backbone was constructed with
  /// @param height, width  of the picture
  std::vector<LayerSize> layerSizes(const NetworkPlan& plan, int64_t height, int64_t width) const;

  /// Multiply-adds of the convolutions for one picture.
  /// @param plan           the plan that the backbone was constructed with
  /// @param height, width  of the picture
  int64_t multiplyAdds(const NetworkPlan& plan, int64_t height, int64_t width) const;

  const ConvNorm& stem() const { return stem_; }
  /// The operation between the stem and the blocks: a max-pool, or none with the CIFAR stem.
  at::Tensor pool(const at::Tensor& x) const;
  const std::vector<ResidualBlock>& blocks() const { return blocks_; }

 private:
  static ConvNorm planStem(NetworkPlan& plan, Stem stem, int64_t channels);
  static ConvNorm planConvNorm(NetworkPlan& plan, const std::string& convolution,
                               const std::string& norm, int64_t in, int64_t out, int64_t kernel,
                               int64_t stride);
  static ResidualBlock planBlock(NetworkPlan& plan, const std::string& name, bool bottleneck,
                                 int64_t in, int64_t width, int64_t stride);
  /// @param x  the block's input, for its body and for its shortcut
  /// @return   its output, for the next block's
  static Twins apply(const Pass& pass, const ResidualBlock& block, const Twins& x);

  bool maxPool_;
  ConvNorm stem_;
  std::vector<ResidualBlock> blocks_;
  int64_t featureDim_ = 0;
};

}  // namespace moco
