#include <memory>
#include <tuple>
#include <vector>

#include "layers.h"

using namespace moco;

namespace {

at::Tensor output(const at::Tensor& x, const at::Tensor& weight, const ConvolutionShape& shape) {
  return at::conv2d(x, weight, /*bias=*/{}, shape.stride, shape.padding);
}

/// As autograd calls it, for one gradient.
std::tuple<at::Tensor, at::Tensor, at::Tensor> gradient(const at::Tensor& dy, const at::Tensor& x,
                                                        const at::Tensor& weight,
                                                        const ConvolutionShape& shape,
                                                        bool byInput) {
  return at::convolution_backward(dy, x, weight, /*bias_sizes=*/at::OptionalIntArrayRef(),
                                  {shape.stride, shape.stride}, {shape.padding, shape.padding},
                                  /*dilation=*/{1, 1}, /*transposed=*/false,
                                  /*output_padding=*/{0, 0}, /*groups=*/1,
                                  {byInput, !byInput, false});
}

/// What the calls read and write: one of each for every set.
struct Tensors {
  std::vector<at::Tensor> x, y, dx, dy;
  at::Tensor weight, dWeight;
};

}  // namespace

Kernels convolutionKernels(const Setting& setting, const Site& site) {
  const auto shape = site.convolution;
  const double bytes = bytesOf(setting, site.inputs() + site.outputs() + site.weights());
  const int64_t sets = rotatingSets(setting.device, bytes);
  const auto tensors = std::make_shared<Tensors>();
  tensors->weight = randomActivations(setting, {shape.out, shape.in, shape.kernel, shape.kernel});
  for (int64_t set = 0; set < sets; ++set) {
    tensors->x.push_back(randomInput(setting, site));
    tensors->dy.push_back(randomOutput(setting, site));
  }
  // Results are kept until the next call for the same set, so that each set has its own memory.
  tensors->y.resize(sets);
  tensors->dx.resize(sets);
  std::vector<Kernel> kernels{
      {"output", kForwardsPerStep * site.count, bytes, site.operations(),
       [=](int64_t set) { tensors->y[set] = output(tensors->x[set], tensors->weight, shape); }},
      {"gradient by weight", site.count, bytes, site.operations(), [=](int64_t set) {
         const auto& [x, y, dx, dy, weight, dWeight] = *tensors;
         tensors->dWeight = std::get<1>(gradient(dy[set], x[set], weight, shape, false));
       }}};
  const bool isStem = shape.in == 3;  // nothing asks for the gradient by the pictures
  if (isStem) return {kernels, sets};
  kernels.push_back({"gradient by input", site.count, bytes, site.operations(), [=](int64_t set) {
                       const auto& [x, y, dx, dy, weight, dWeight] = *tensors;
                       tensors->dx[set] =
                           std::get<0>(gradient(dy[set], x[set], weight, shape, true));
                     }});
  return {kernels, sets};
}
