#include "core/ops/batch_norm.h"

#include <torch/csrc/autograd/autograd.h>

#include <memory>

#include "layers.h"
#ifdef MOCO_CUDA_KERNELS
#include "core/device/cuda_kernels.h"
#include "cuda_batch_norm.h"
#endif

using namespace moco;

namespace {

/// One BatchNorm with its tensors, as autograd computes it.
class BatchNormPasses {
 public:
  BatchNormPasses(const Setting& setting, const Site& site)
      : epilogue_(site.epilogue),
        x_(randomOutput(setting, site).requires_grad_()),
        dy_(randomOutput(setting, site)),
        residual_(site.epilogue == Epilogue::kAddRelu ? randomOutput(setting, site).requires_grad_()
                                                      : at::Tensor()),
        weight_(at::ones({x_.size(1)}, at::device(setting.device)).requires_grad_()),
        bias_(at::zeros({x_.size(1)}, at::device(setting.device)).requires_grad_()),
        mean_(at::zeros({x_.size(1)}, at::device(setting.device))),
        variance_(at::ones({x_.size(1)}, at::device(setting.device))) {}

  void forward() {
    const BatchNormState state{weight_, bias_, mean_, variance_, /*training=*/true, /*groups=*/1};
    y_ = batchNorm(x_, state, epilogue_, residual_).first;
  }

  void backward() const {
    std::vector<at::Tensor> inputs{x_, weight_, bias_};
    if (residual_.defined()) inputs.push_back(residual_);
    torch::autograd::grad({y_}, inputs, {dy_}, /*retain_graph=*/true);
  }

 private:
  Epilogue epilogue_;
  at::Tensor x_, dy_, residual_, weight_, bias_, mean_, variance_, y_;
};

/// The passes over the activations of each, by the fewest that any kernels take.
Kernels wholePasses(const Setting& setting, const Site& site) {
  const double tensor = bytesOf(setting, site.outputs());
  const bool adds = site.epilogue == Epilogue::kAddRelu;
  const auto sets = std::make_shared<std::vector<BatchNormPasses>>();
  const int64_t count = rotatingSets(setting.device, tensor);
  for (int64_t set = 0; set < count; ++set) {
    sets->emplace_back(setting, site);
    sets->back().forward();
  }
  return {{{"forward", kForwardsPerStep * site.count, (adds ? 4 : 3) * tensor, 0,
            [sets](int64_t set) { (*sets)[set].forward(); }},
           {"backward", site.count, (adds ? 7 : 5) * tensor, 0,
            [sets](int64_t set) { (*sets)[set].backward(); }}},
          count};
}

}  // namespace

Kernels batchNormKernels(const Setting& setting, const Site& site) {
#ifdef MOCO_CUDA_KERNELS
  if (setting.device.is_cuda() && useCudaKernels()) return cudaBatchNormKernels(setting, site);
#endif
  return wholePasses(setting, site);
}
