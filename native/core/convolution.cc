#include "core/convolution.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/weight_gradient.h"

namespace moco {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

ConvolutionShape shapeOf(const at::Tensor& x, const at::Tensor& weight, int64_t stride,
                         int64_t padding) {
  return {.pictures = x.size(0),
          .height = x.size(2),
          .width = x.size(3),
          .in = weight.size(1),
          .out = weight.size(0),
          .kernel = weight.size(2),
          .stride = stride,
          .padding = padding};
}

/// Of a 1×1 convolution without padding: the pixels between those that its stride meets get zeros.
at::Tensor sparseInputGradient(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight,
                               int64_t stride) {
  const auto rows = dy.permute({0, 2, 3, 1});                 // (B, H', W', out)
  const auto gradient = at::matmul(rows, weight.flatten(1));  // (B, H', W', in)
  const auto dx = at::zeros_like(x);
  dx.slice(2, 0, x.size(2), stride)
      .slice(3, 0, x.size(3), stride)
      .copy_(gradient.permute({0, 3, 1, 2}));
  return dx;
}

at::Tensor inputGradient(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight,
                         int64_t stride, int64_t padding) {
  const bool leavesOutPixels = weight.size(2) == 1 && padding == 0 && stride > 1;
  if (leavesOutPixels) return sparseInputGradient(dy, x, weight, stride);
  return std::get<0>(at::convolution_backward(
      dy, x, weight, /*bias_sizes=*/at::OptionalIntArrayRef(), {stride, stride}, {padding, padding},
      /*dilation=*/{1, 1}, /*transposed=*/false, /*output_padding=*/{0, 0}, /*groups=*/1,
      /*output_mask=*/{true, false, false}));
}

class OwnWeightGradient : public torch::autograd::Function<OwnWeightGradient> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            int64_t stride, int64_t padding) {
    context->save_for_backward({x, weight});
    context->saved_data["stride"] = stride;
    context->saved_data["padding"] = padding;
    return at::conv2d(x, weight, /*bias=*/{}, stride, padding);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &dy = gradients[0], &x = saved[0], &weight = saved[1];
    const int64_t stride = context->saved_data["stride"].toInt();
    const int64_t padding = context->saved_data["padding"].toInt();
    return {
        context->needs_input_grad(0) ? inputGradient(dy, x, weight, stride, padding) : at::Tensor(),
        weightGradient(dy, x, shapeOf(x, weight, stride, padding)),
        {},
        {}};
  }
};

}  // namespace

at::Tensor convolution(const at::Tensor& x, const at::Tensor& weight, int64_t stride,
                       int64_t padding) {
  const bool isTrained = at::GradMode::is_enabled() && weight.requires_grad();
  if (isTrained && x.is_cpu() && x.scalar_type() == at::kBFloat16 &&
      usesOwnWeightGradient(shapeOf(x, weight, stride, padding))) {
    return OwnWeightGradient::apply(x, weight, stride, padding);
  }
  return at::conv2d(x, weight, /*bias=*/{}, stride, padding);
}

}  // namespace moco
