#pragma once

#include <ATen/ATen.h>

#include "core/ops/convolution_shape.h"

namespace moco {

/// Whether `convolutionWeightGradient` can compute this convolution's gradient, and is faster than
/// oneDNN on this processor.
bool usesConvolutionWeightGradient(const ConvolutionShape& shape);

/// The gradient of a convolution by its weight, in bf16. For output channel o, input channel i and
/// a tap of the kernel it is the sum, over all pixels of the output, of dY at channel o of the
/// pixel times X at channel i of what the tap sees from there. It is added up in fp32 and rounded
/// to bf16. The order of the additions does not depend on the number of threads. Needs a processor
/// that has `kernels::convolution_weight_gradient::kernels`.
/// @param dy  (B, out, outHeight, outWidth), bf16
/// @param x   (B, in, H, W), bf16
/// @return    (out, in, kernel, kernel), bf16, channels last
at::Tensor convolutionWeightGradient(const at::Tensor& dy, const at::Tensor& x,
                                     const ConvolutionShape& shape);

}  // namespace moco
