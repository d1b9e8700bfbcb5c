#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/model/layers.h"

namespace moco {

/// What comes before a ResNet's stages.
enum class Stem {
  kCifar,     // 3×3 convolution of stride 1, no max-pool: for small pictures
  kImagenet,  // 7×7 convolution of stride 2, 3×3 max-pool of stride 2
};

/// @param name  `cifar` or `imagenet`
/// @throws Error ERR_MOCO_CONFIG  for another name
Stem stemNamed(const std::string& name);

/// A ResNet (He et al., CVPR 2016) without classifier. Parameters have the reference's names: `f.0`
/// and `f.1` the stem, `f.3` … `f.6` the four stages.
class Backbone {
 public:
  struct ConvNorm {
    Convolution convolution;
    BatchNorm norm;
  };
  /// relu(body(x) + shortcut(x)), with a ReLU between the body's layers.
  struct ResidualBlock {
    std::vector<ConvNorm> body;
    std::optional<ConvNorm> shortcut;
  };

  /// @param arch  `resnet18`, `resnet34` or `resnet50`
  /// @throws Error ERR_MOCO_CONFIG  for another name
  Backbone(const std::string& arch, Stem stem, NetworkPlan& plan);

  /// @param pictures  (B, 3, H, W), channels last
  /// @return          (B, featureDim()), globally average-pooled
  at::Tensor operator()(const Pass& pass, const at::Tensor& pictures) const;

  int64_t featureDim() const { return featureDim_; }

  /// What one convolution takes and gives for one picture.
  struct LayerSize {
    int64_t weights;    // elements of its kernel
    int64_t channels;   // of its output
    int64_t positions;  // height × width of its output
    bool isShortcut;
  };
  /// Of all convolutions, in forward order; a block's shortcut comes after its body.
  /// @param plan  what this was planned in
  std::vector<LayerSize> layerSizes(const NetworkPlan& plan, int64_t height, int64_t width) const;

  /// Multiply-adds of the convolutions for one picture.
  /// @param plan  what this was planned in
  int64_t multiplyAdds(const NetworkPlan& plan, int64_t height, int64_t width) const;

  const ConvNorm& stem() const { return stem_; }
  /// What lies between the stem and the blocks: a max-pool with the ImageNet stem, else nothing.
  at::Tensor pool(const at::Tensor& x) const;
  const std::vector<ResidualBlock>& blocks() const { return blocks_; }

 private:
  static ConvNorm planStem(NetworkPlan& plan, Stem stem);
  static ConvNorm planConvNorm(NetworkPlan& plan, const std::string& convolution,
                               const std::string& norm, int64_t in, int64_t out, int64_t kernel,
                               int64_t stride);
  static ResidualBlock planBlock(NetworkPlan& plan, const std::string& name, bool bottleneck,
                                 int64_t in, int64_t width, int64_t stride);
  static at::Tensor apply(const Pass& pass, const ResidualBlock& block, const at::Tensor& x);

  bool maxPool_;
  ConvNorm stem_;
  std::vector<ResidualBlock> blocks_;
  int64_t featureDim_ = 0;
};

}  // namespace moco
