#pragma once

#include <ATen/ATen.h>

namespace moco {

/// How near the projections of two views of a picture are: the mean of ‖f(x) − f(y)‖² over the
/// pairs, which is `L_align` with α = 2 (Wang & Isola, "Understanding Contrastive Representation
/// Learning through Alignment and Uniformity on the Hypersphere", ICML 2020, section 4.1.1). From
/// 0, where both are the same, to 4, where they are opposite.
/// @param first, second  (N, D), L2-normalised: the projections of either view
double alignment(const at::Tensor& first, const at::Tensor& second);

}  // namespace moco
