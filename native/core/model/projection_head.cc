#include "core/model/projection_head.h"

namespace moco {
namespace {

constexpr int64_t kHiddenDim = 512;

}  // namespace

ProjectionHead::ProjectionHead(int64_t in, int64_t out, NetworkPlan& plan)
    : hidden_(planLinear(plan, "g.0", in, kHiddenDim, /*bias=*/false)),
      norm_(planBatchNorm(plan, "g.1", kHiddenDim)),
      output_(planLinear(plan, "g.3", kHiddenDim, out, /*bias=*/true)) {}

at::Tensor ProjectionHead::operator()(const Pass& pass, const at::Tensor& features) const {
  return output_(pass, norm_.relu(pass, hidden_(pass, features)));
}

}  // namespace moco
