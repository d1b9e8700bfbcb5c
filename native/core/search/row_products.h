#pragma once

#include <cstdint>

#include "core/search/feature_rows.h"
#include "core/search/metric.h"

namespace moco {

/// Multiplies queries with rows, q·r for the metrics `cosine` and `dot` and |q − r|² for
/// `euclidean`: those of the rows `begin` … `end` − 1.
///
/// A product is the same to the last bit, however many queries and rows are multiplied at once;
/// with and without AVX-512 it may differ by rounding.
/// @param queries   (queryCount, dims)
/// @param products  (queryCount, end − begin)
void multiplyRows(const FeatureRows& rows, int64_t begin, int64_t end, Metric metric,
                  const float* queries, int64_t queryCount, float* products);

/// The length of each query or row, by the same arithmetic.
/// @param vectors  (count, dims)
void measureLengths(const float* vectors, int64_t count, int64_t dims, float* lengths);

}  // namespace moco
