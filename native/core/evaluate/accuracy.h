#pragma once

#include <ATen/ATen.h>

namespace moco {

/// Shares of correct predictions, in per cent.
struct Accuracy {
  double top1, top5;
};

/// Whether the label is the class with the highest score, and whether it is one of the best five.
/// Of equal scores the lower class is first.
/// @param scores  (…, classes)
/// @param labels  (…) int64
/// @return        (…, 2) bool
at::Tensor hitsOf(const at::Tensor& scores, const at::Tensor& labels);

/// @param scores  (Q, classes)
/// @param labels  (Q) int64
Accuracy accuracyOf(const at::Tensor& scores, const at::Tensor& labels);

/// @param scores  (Q, classes)
/// @param labels  (Q) int64
/// @return        (classes, classes) int64 on the CPU: how many of the row's class have their
///                highest score in the column's
at::Tensor confusionOf(const at::Tensor& scores, const at::Tensor& labels);

}  // namespace moco
