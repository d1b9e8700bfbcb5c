#include <memory>
#include <vector>

#include "core/device/device.h"
#include "core/model/folded_convolution.h"
#include "core/model/named_tensors.h"
#include "layers.h"

using namespace moco;

namespace {

/// The folded layer of a site, with random weights.
FoldedConvolution folded(const Setting& setting, const Site& site) {
  const auto& shape = site.convolution;
  NetworkPlan plan;
  const auto convolution =
      planConvolution(plan, "convolution", shape.in, shape.out, shape.kernel, shape.stride,
                      shape.padding, kaimingNormalFanOut(shape.out, shape.kernel));
  const auto norm = planBatchNorm(plan, "norm", shape.out);
  const auto options = at::device(setting.device).dtype(at::kFloat);
  const NamedTensors weights(plan.parameters, options), buffers(plan.buffers, options);
  weights[convolution.weight].normal_(0, kaimingNormalFanOut(shape.out, shape.kernel).scale);
  weights[norm.weight].fill_(1);
  buffers[norm.runningVar].fill_(1);
  return {convolution, norm, Pass{weights.views(), buffers, /*training=*/false}, setting.type};
}

/// A layer, and what it adds where nothing is to be added.
struct Folded {
  FoldedConvolution layer;
  SharedZeros zeros = {};
};

at::Tensor compute(Folded& folded, Epilogue epilogue, const at::Tensor& x,
                   const at::Tensor& shortcut, ConvolutionKernels kernels) {
  const CudnnHeuristics heuristics;  // as in an evaluation
  auto& [layer, zeros] = folded;
  if (epilogue == Epilogue::kAddRelu) return layer.addRelu(x, shortcut, kernels);
  return epilogue == Epilogue::kRelu ? layer.relu(x, kernels, zeros) : layer(x, kernels);
}

}  // namespace

Kernels foldedKernels(const Setting& setting, const Site& site) {
  const bool adds = site.epilogue == Epilogue::kAddRelu;
  const int64_t activations = site.inputs() + site.outputs() * (adds ? 2 : 1);
  const double bytes = bytesOf(setting, activations + site.weights());
  const int64_t sets = rotatingSets(setting.device, bytes);
  std::vector<at::Tensor> x, shortcuts;
  for (int64_t set = 0; set < sets; ++set) {
    x.push_back(randomInput(setting, site));
    shortcuts.push_back(adds ? randomOutput(setting, site) : at::Tensor());
  }
  const auto fastest = fastestKernels(x.front().options());
  const auto layer = std::make_shared<Folded>(Folded{folded(setting, site)});
  const auto results = std::make_shared<std::vector<at::Tensor>>(sets);
  const auto kernel = [&](const char* name, ConvolutionKernels which) -> Kernel {
    return {name, site.count, bytes, site.operations(), [=, epilogue = site.epilogue](int64_t set) {
              (*results)[set] = compute(*layer, epilogue, x[set], shortcuts[set], which);
            }};
  };
  std::vector<Kernel> kernels{kernel("fused", fastest),
                              kernel("one by one", ConvolutionKernels::kPlain)};
  if (fastest == ConvolutionKernels::kOwn) {
    kernels.push_back(kernel("fused by oneDNN", ConvolutionKernels::kOneDnn));
  }
  return {kernels, sets};
}
