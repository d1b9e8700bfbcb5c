#include "core/ops/convolution.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <array>
#include <tuple>

#include "core/ops/convolution_weight_gradient.h"
#include "core/ops/dense_convolution.h"
#include "core/ops/pointwise_convolution.h"
#include "core/ops/tile_convolution.h"
#include "core/ops/winograd_convolution.h"
#include "core/ops/winograd_convolution_weight_gradient.h"

namespace moco {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

ConvolutionShape shapeOf(const at::Tensor& x, const at::Tensor& weight, int64_t stride,
                         int64_t padding) {
  TORCH_CHECK(x.dim() == 4 && weight.dim() == 4 && x.size(1) == weight.size(1) &&
                  weight.size(2) == weight.size(3) && stride > 0 && padding >= 0 &&
                  std::min(x.size(2), x.size(3)) + 2 * padding >= weight.size(2),
              "a convolution of ", x.sizes(), " with a kernel of ", weight.sizes(), ", stride ",
              stride, " and padding ", padding);
  return {.pictures = x.size(0),
          .height = x.size(2),
          .width = x.size(3),
          .in = weight.size(1),
          .out = weight.size(0),
          .kernel = weight.size(2),
          .stride = stride,
          .padding = padding};
}

/// PyTorch's gradients by input, weight and bias, of which `asked` says which to compute.
std::tuple<at::Tensor, at::Tensor, at::Tensor> plainGradients(const at::Tensor& dy,
                                                              const at::Tensor& x,
                                                              const at::Tensor& weight,
                                                              const ConvolutionShape& shape,
                                                              std::array<bool, 3> asked) {
  return at::convolution_backward(dy, x, weight, /*bias_sizes=*/at::OptionalIntArrayRef(),
                                  {shape.stride, shape.stride}, {shape.padding, shape.padding},
                                  /*dilation=*/{1, 1}, /*transposed=*/false,
                                  /*output_padding=*/{0, 0}, /*groups=*/1, asked);
}

at::Tensor fastestOutput(const at::Tensor& x, const at::Tensor& weight,
                         const ConvolutionShape& shape) {
  if (usesDenseConvolution(shape)) return denseConvolution(x, weight);
  if (usesTileConvolution(shape)) return tileConvolution(x, weight, shape);
  if (usesWinogradConvolution(shape)) return winogradConvolution(x, weight);
  if (usesPointwiseConvolution(shape)) return pointwiseConvolution(x, weight, shape);
  return at::conv2d(x, weight, /*bias=*/{}, shape.stride, shape.padding);
}

at::Tensor fastestInputGradient(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight,
                                const ConvolutionShape& shape) {
  if (usesDenseConvolution(shape)) return denseConvolutionInputGradient(dy, weight);
  if (usesTileConvolutionInputGradient(shape)) {
    return tileConvolutionInputGradient(dy, weight, shape);
  }
  if (usesWinogradConvolution(shape)) return winogradConvolutionInputGradient(dy, weight);
  if (usesPointwiseConvolutionInputGradient(shape))
    return pointwiseConvolutionInputGradient(dy, weight, shape);
  return std::get<0>(plainGradients(dy, x, weight, shape, {true, false, false}));
}

at::Tensor fastestWeightGradient(const at::Tensor& dy, const at::Tensor& x,
                                 const at::Tensor& weight, const ConvolutionShape& shape) {
  if (usesDenseConvolution(shape)) return denseConvolutionWeightGradient(dy, x);
  if (usesTileConvolutionWeightGradient(shape)) return tileConvolutionWeightGradient(dy, x, shape);
  if (usesWinogradConvolution(shape)) return winogradConvolutionWeightGradient(dy, x);
  if (usesConvolutionWeightGradient(shape)) return convolutionWeightGradient(dy, x, shape);
  return std::get<1>(plainGradients(dy, x, weight, shape, {false, true, false}));
}

class OwnConvolution : public torch::autograd::Function<OwnConvolution> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            int64_t stride, int64_t padding) {
    context->save_for_backward({x, weight});
    context->saved_data["stride"] = stride;
    context->saved_data["padding"] = padding;
    return fastestOutput(x, weight, shapeOf(x, weight, stride, padding));
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "a convolution of our own has no second derivative");
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &dy = gradients[0], &x = saved[0], &weight = saved[1];
    const auto shape = shapeOf(x, weight, context->saved_data["stride"].toInt(),
                               context->saved_data["padding"].toInt());
    variable_list result(4);
    if (context->needs_input_grad(0)) result[0] = fastestInputGradient(dy, x, weight, shape);
    if (context->needs_input_grad(1)) result[1] = fastestWeightGradient(dy, x, weight, shape);
    return result;
  }
};

}  // namespace

at::Tensor convolution(const at::Tensor& x, const at::Tensor& weight, int64_t stride,
                       int64_t padding) {
  const auto shape = shapeOf(x, weight, stride, padding);
  const bool isBf16 = x.scalar_type() == at::kBFloat16 && weight.scalar_type() == at::kBFloat16;
  const bool isOwn =
      x.is_cpu() && weight.is_cpu() && isBf16 &&
      (usesDenseConvolution(shape) || usesTileConvolution(shape) ||
       usesTileConvolutionWeightGradient(shape) || usesWinogradConvolution(shape) ||
       usesPointwiseConvolution(shape) || usesPointwiseConvolutionInputGradient(shape) ||
       usesConvolutionWeightGradient(shape));
  const bool isTrained =
      at::GradMode::is_enabled() && (weight.requires_grad() || x.requires_grad());
  if (isOwn && isTrained) return OwnConvolution::apply(x, weight, stride, padding);
  if (isOwn) return fastestOutput(x, weight, shape);
  return at::conv2d(x, weight, /*bias=*/{}, stride, padding);
}

}  // namespace moco
