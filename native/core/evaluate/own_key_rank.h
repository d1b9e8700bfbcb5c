#pragma once

#include <ATen/ATen.h>

namespace moco {

/// Where a picture's own second view stands among the second views of all pictures, by its
/// similarity to the first view: the task that the contrastive loss sets (He et al., CVPR 2020,
/// section 3.1), posed on pictures that are not trained on.
struct OwnKeyRank {
  /// The share of other pictures' views that come before the own one: 0 where it is always the
  /// nearest, 0.5 by chance. Views that are as similar as the own one count half.
  double mean, median;
  double first;  // share of pictures whose own view is nearer than all others
};

/// @param queries  (N, D), L2-normalised: projections of the first views of at least two pictures
/// @param keys     (N, D), L2-normalised: of their second views
OwnKeyRank ownKeyRank(const at::Tensor& queries, const at::Tensor& keys);

}  // namespace moco
