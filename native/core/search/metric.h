#pragma once

#include <cstdint>
#include <string>

namespace moco {

/// How similar a row r is to a query q. A larger number always means more similar.
enum class Metric {
  kCosine,     // q·r / (|q| |r|), within −1 … 1; 0 where either is zero
  kDot,        // q·r
  kEuclidean,  // −|q − r|
};

/// @param name  `cosine`, `dot` or `euclidean`
/// @throws Error ERR_MOCO_CONFIG  for another name
Metric metricNamed(const std::string& name);

/// Vectors that are shorter count as zero for the cosine: below, products of their numbers are no
/// longer precise in fp32.
constexpr float kShortestDirection = 1e-15F;

/// The longest vector that can be compared: the square of a distance of two is finite in fp32.
constexpr float kLongestVector = 1e18F;

/// By what the product of a vector is multiplied for its cosine.
inline float directionScale(float length) {
  return length < kShortestDirection ? 0.0F : 1.0F / length;
}

/// The similarity that a product of a query and a row stands for.
/// @param product  q·r, or for kEuclidean |q − r|²
/// @param scale    for kCosine the product of both `directionScale`
float similarityOf(Metric metric, float product, float scale);

/// How much rounding may change a product of vectors that `RowProducts` computes: at most this
/// share of the product of their lengths. Twice as much as can be shown: each of 16 partial sums
/// rounds once for every 16 numbers, and adding them up rounds a few times more.
double roundingOf(int64_t dims);

}  // namespace moco
