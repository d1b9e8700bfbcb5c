#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace moco {

/// What an encoder gives for one view of each of some pictures.
struct ViewVectors {
  at::Tensor features;     // (N, C), of the backbone, not normalised
  at::Tensor projections;  // (N, D), of the projection head, L2-normalised
};

/// How good an encoder is, told without labels from two views of pictures that it is not trained
/// on. What is about the loss is measured on projections, which the loss compares; what is about
/// the use of the encoder on the backbone's features.
struct LabelFreeMeasures {
  double alignment;           // lower is nearer; see `alignment`
  double uniformity;          // lower is more even, mean of both views; see `uniformity`
  double effectiveRank;       // of the first view; see `effectiveRank`
  double dimensionSpread;     // of the first view; see `dimensionSpread`
  double ownKeyRank;          // the mean; see `OwnKeyRank`
  double ownKeyMedianRank;    // the median
  double ownKeyFirst;         // the share of first ones
  double neighbourAgreement;  // see `neighbourAgreement`

  /// Calls `visit(name, value)` for every measure.
  template <class Visit>
  void each(Visit&& visit) const {
    visit("alignment", alignment);
    visit("uniformity", uniformity);
    visit("effectiveRank", effectiveRank);
    visit("dimensionSpread", dimensionSpread);
    visit("ownKeyRank", ownKeyRank);
    visit("ownKeyMedianRank", ownKeyMedianRank);
    visit("ownKeyFirst", ownKeyFirst);
    visit("neighbourAgreement", neighbourAgreement);
  }
};

/// The most pictures that are measured on, and the fewest: with one, there is nothing to compare.
constexpr int64_t kMostMeasuredPictures = 2048;
constexpr int64_t kFewestMeasuredPictures = 2;

/// @param first, second  of the same pictures, all finite
LabelFreeMeasures measureWithoutLabels(const ViewVectors& first, const ViewVectors& second);

}  // namespace moco
