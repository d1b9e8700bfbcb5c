#pragma once

#include <cstdint>

#include "core/model/layers.h"

namespace moco {

/// The reference's head `g`: Linear(in, 512, no bias), BatchNorm, ReLU, Linear(512, out).
class ProjectionHead {
 public:
  /// @param plan  gets the head's parameters and buffers added
  ProjectionHead(int64_t in, int64_t out, NetworkPlan& plan);

  /// @param features  (B, in)
  /// @return          (B, out)
  at::Tensor operator()(const Pass& pass, const at::Tensor& features) const;

 private:
  Linear hidden_;
  BatchNorm norm_;
  Linear output_;
};

}  // namespace moco
