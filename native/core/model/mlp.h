#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/model/layers.h"

namespace moco {

/// The settings of a projection head or a predictor.
struct MlpSettings {
  int64_t layers;     // that are linear; 0: none
  int64_t hiddenDim;  // length of what all but the last give
  bool batchNorm;     // after each of those, which then has no bias
  /// BatchNorm after the last one, which then has no bias: `none`, `affine`, or `plain`, without
  /// weight and bias.
  std::string lastBatchNorm;
};

/// Linear layers with BatchNorm and ReLU between them. Its parameters are named as those of
/// PyTorch's Sequential(Linear, BatchNorm1d, ReLU, Linear …): `<name>.0`, `<name>.1`, `<name>.3` …
class Mlp {
 public:
  /// @param in, out  lengths of what it is given and of what it gives
  /// @param plan     gets its parameters and buffers added
  /// @throws Error ERR_MOCO_CONFIG  for a last BatchNorm that does not exist
  Mlp(const std::string& name, int64_t in, int64_t out, const MlpSettings& settings,
      NetworkPlan& plan);

  /// @param x  (B, in)
  /// @return   (B, out)
  at::Tensor operator()(const Pass& pass, const at::Tensor& x) const;

 private:
  struct Hidden {
    Linear linear;
    std::optional<BatchNorm> norm;
  };

  std::vector<Hidden> hidden_;
  std::optional<Linear> output_;
  std::optional<BatchNorm> lastNorm_;
  std::optional<PlainBatchNorm> plainNorm_;
};

}  // namespace moco
