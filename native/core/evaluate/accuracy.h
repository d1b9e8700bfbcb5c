#pragma once

#include <ATen/ATen.h>

namespace moco {

/// Shares of correct predictions, in per cent.
struct Accuracy {
  double top1, top5;
};

/// Whether the label is the class with the highest score, and whether it is one of the best five.
/// Of classes with equal scores the lower number comes first.
/// @param scores  (…, classes)
/// @param labels  (…) int64
/// @return        (…, 2) bool
at::Tensor hitsOf(const at::Tensor& scores, const at::Tensor& labels);

/// The accuracy of predictions: the class with the highest score is predicted.
/// @param scores  (Q, classes)
/// @param labels  (Q) int64
Accuracy accuracyOf(const at::Tensor& scores, const at::Tensor& labels);

/// The confusion matrix of predictions.
/// @param scores  (Q, classes)
/// @param labels  (Q) int64
/// @return        (classes, classes) int64 on the CPU: the number of pictures of the row's class
///                that have the highest score for the column's class
at::Tensor confusionOf(const at::Tensor& scores, const at::Tensor& labels);

}  // namespace moco
