#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace moco {

/// How many neighbours of a picture `neighbourAgreement` looks at, as its source does.
constexpr int64_t kAgreeingNeighbours = 10;

/// How much two views of the pictures agree about which pictures are alike: the share of a
/// picture's k nearest others among the first views that are among its k nearest others in the
/// second views, too; mean over the pictures (`m_NN`: Huh et al., "The Platonic Representation
/// Hypothesis", ICML 2024, appendix A, there for two encoders). 1 where both views have the same
/// neighbours, k / (N − 1) by chance.
/// @param first, second  (N, C), L2-normalised: the features of either view
/// @param k              less than N
double neighbourAgreement(const at::Tensor& first, const at::Tensor& second, int64_t k);

}  // namespace moco
