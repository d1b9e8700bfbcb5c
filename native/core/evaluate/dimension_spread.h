#pragma once

#include <ATen/ATen.h>

namespace moco {

/// How widely projections are spread in each dimension: the standard deviation of each dimension
/// over the pictures, mean over the dimensions, times √D (Chen & He, "Exploring Simple Siamese
/// Representation Learning", CVPR 2021, section 4.1, where a value of 1/√D tells that outputs do
/// not collapse). From 0, where all pictures have the same projection, to 1, where they are spread
/// evenly over the sphere.
/// @param projections  (N, D), L2-normalised, of at least two pictures
double dimensionSpread(const at::Tensor& projections);

}  // namespace moco
