#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace moco {

/// Shares of correct predictions, in per cent.
struct Accuracy {
  double top1, top5;
};

/// How many of the best classes of a picture count.
constexpr int64_t kBestClasses = 5;

/// The classes with the five highest scores, best first, or all if there are fewer. Of classes with
/// equal scores the lower number comes first.
/// @param scores  (…, classes)
/// @return        (…, ≤ 5) int64
at::Tensor bestClasses(const at::Tensor& scores);

/// Whether the label is the best class, and whether it is one of the best five.
/// @param best    (…, ≤ 5) int64, as `bestClasses` gives them
/// @param labels  (…) int64
/// @return        (…, 2) bool
at::Tensor hitsOf(const at::Tensor& best, const at::Tensor& labels);

/// The accuracy of predictions: the best class is predicted.
/// @param best    (Q, ≤ 5) int64, as `bestClasses` gives them
/// @param labels  (Q) int64
Accuracy accuracyOf(const at::Tensor& best, const at::Tensor& labels);

/// How many pictures of each class there are, and how many of them are predicted right.
struct ClassCounts {
  at::Tensor pictures, right;  // (classes) int64, on the CPU
};

/// @param best, labels  as for `accuracyOf`
ClassCounts classCountsOf(const at::Tensor& best, const at::Tensor& labels, int64_t classes);

/// The confusion matrix of predictions.
/// @param best, labels  as for `accuracyOf`
/// @return  (classes, classes) int64 on the CPU: the number of pictures of the row's class for
///          which the column's is predicted
at::Tensor confusionOf(const at::Tensor& best, const at::Tensor& labels, int64_t classes);

}  // namespace moco
