#include "cuda_batch_norm.h"

#include <c10/cuda/CUDAStream.h>

#include <memory>

#include "core/ops/batch_norm.h"
#include "core/ops/cuda_batch_norm_kernels.h"

using namespace moco;

namespace {

/// The activations of one set, and what the layer has for all of them.
struct Activations {
  at::Tensor x, residual, y, mask, dy, dyOther, dResidual, dx;
};

class BatchNormLayer {
 public:
  BatchNormLayer(const Setting& setting, const Site& site, int64_t sets)
      : epilogue_(site.epilogue),
        shape_{setting.type == at::kBFloat16 ? cuda::ElementType::kBFloat16
                                             : cuda::ElementType::kFloat,
               site.convolution.rows(), site.convolution.out, /*groups=*/1},
        statistics_(ones(setting, 2)),
        affine_(ones(setting, 2)),
        running_(ones(setting, 2)),
        sums_(ones(setting, 4)),
        workspace_(at::empty({cuda::batchNormWorkspace(shape_)}, at::device(setting.device))),
        counters_(at::zeros({cuda::batchNormCounters(shape_)},
                            at::device(setting.device).dtype(at::kInt))) {
    const bool adds = epilogue_ == Epilogue::kAddRelu;
    const auto make = [&] { return randomOutput(setting, site); };
    const auto whereItAdds = [&] { return adds ? make() : at::Tensor(); };
    for (int64_t set = 0; set < sets; ++set) {
      const auto mask = at::zeros({cuda::batchNormMask(shape_)},
                                  at::device(setting.device).dtype(at::kByte));
      activations_.push_back(
          {make(), whereItAdds(), make(), mask, make(), whereItAdds(), whereItAdds(), make()});
    }
  }

  void statistics(int64_t set) const {
    float* const mean = floats(statistics_);
    float* const running = floats(running_);
    cuda::batchNormStatistics(shape_, address(activations_[set].x), kBatchNormEps, mean,
                              mean + shape_.channels,
                              {running, running + shape_.channels, kBatchNormMomentum},
                              scratch(), stream());
  }

  void apply(int64_t set) const {
    const auto& of = activations_[set];
    cuda::batchNormApply(shape_, epilogue_, affine(), address(of.x), address(of.residual),
                         address(of.y), mask(of), stream());
  }

  void sums(int64_t set) const {
    const auto& of = activations_[set];
    float* const sums = floats(sums_);
    cuda::batchNormSums(shape_, epilogue_, affine(), address(of.dy), address(of.dyOther),
                        address(of.x), mask(of), address(of.dResidual),
                        {sums, sums + 2 * shape_.channels, sums + 3 * shape_.channels}, scratch(),
                        stream());
  }

  void inputGradient(int64_t set) const {
    const auto& of = activations_[set];
    cuda::batchNormInputGradient(shape_, epilogue_, affine(),
                                 address(of.dResidual.defined() ? of.dResidual : of.dy),
                                 address(of.x), floats(sums_), address(of.dx), stream());
  }

 private:
  at::Tensor ones(const Setting& setting, int64_t rows) const {
    return at::ones({rows, shape_.channels}, at::device(setting.device));
  }
  static float* floats(const at::Tensor& tensor) { return tensor.mutable_data_ptr<float>(); }
  static void* address(const at::Tensor& tensor) {
    return tensor.defined() ? tensor.mutable_data_ptr() : nullptr;
  }
  static uint8_t* mask(const Activations& of) { return of.mask.mutable_data_ptr<uint8_t>(); }
  cuda::BatchNormScratch scratch() const {
    return {floats(workspace_),
            reinterpret_cast<unsigned*>(counters_.mutable_data_ptr<int32_t>())};
  }
  cudaStream_t stream() const {
    return c10::cuda::getCurrentCUDAStream(workspace_.device().index());
  }
  cuda::BatchNormAffine affine() const {
    const float *const statistics = floats(statistics_), *const parameters = floats(affine_);
    return {statistics, statistics + shape_.channels, parameters, parameters + shape_.channels};
  }

  Epilogue epilogue_;
  cuda::BatchNormShape shape_;
  at::Tensor statistics_, affine_, running_, sums_, workspace_, counters_;
  std::vector<Activations> activations_;
};

}  // namespace

/// With an addition, forward as it is where gradients are wanted, and backward as in a block whose
/// output has two readers, which all blocks but the last one have.
Kernels cudaBatchNormKernels(const Setting& setting, const Site& site) {
  const bool adds = site.epilogue == Epilogue::kAddRelu;
  const double tensor = bytesOf(setting, site.outputs());
  constexpr double kMask = 1.0 / 16;  // of a pass
  const int64_t sets = rotatingSets(setting.device, tensor);
  const auto layer = std::make_shared<BatchNormLayer>(setting, site, sets);
  const auto kernel = [&](const char* name, int64_t perSite, double passes,
                          void (BatchNormLayer::*call)(int64_t) const) -> Kernel {
    return {name, perSite * site.count, passes * tensor, 0,
            [layer, call](int64_t set) { ((*layer).*call)(set); }};
  };
  return {{kernel("statistics", kForwardsPerStep, 1, &BatchNormLayer::statistics),
           kernel("apply", kForwardsPerStep, adds ? 3 + kMask : 2, &BatchNormLayer::apply),
           kernel("sums", 1, adds ? 4 + kMask : 2, &BatchNormLayer::sums),
           kernel("gradient by input", 1, 3, &BatchNormLayer::inputGradient)},
          sets};
}
