#pragma once

#include <ATen/ATen.h>

namespace moco {

/// How evenly projections are spread over the sphere: log E exp(−t‖x − y‖²) over all pairs of
/// different pictures, which is `L_uniform` with t = 2 (Wang & Isola, ICML 2020, section 4.1.2).
/// From 0, where all are the same, down to about −4, where they are spread evenly over a sphere of
/// many dimensions: their distances are √2 then. Lower is more even.
/// @param projections  (N, D), L2-normalised, of at least two pictures
double uniformity(const at::Tensor& projections);

}  // namespace moco
