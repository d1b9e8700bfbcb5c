#include "core/search/row_products.h"

#include <c10/util/Half.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/search/row_products_kernels.h"

namespace moco {
namespace {

using c10::Half;

struct Dot {
  static float term(float query, float row) { return query * row; }
};

struct SquaredDistance {
  static float term(float query, float row) { return (query - row) * (query - row); }
};

/// Partial sums, as the kernels for AVX-512 have them, which compilers make vectors of.
constexpr int64_t kSums = 16;

template <class Product, class Number>
float plainProduct(const float* query, const Number* row, int64_t dims) {
  std::array<float, kSums> sums{};
  int64_t i = 0;
  for (; i + kSums <= dims; i += kSums) {
    for (int64_t lane = 0; lane < kSums; ++lane) {
      sums[lane] += Product::term(query[i + lane], static_cast<float>(row[i + lane]));
    }
  }
  for (int64_t lane = 0; i + lane < dims; ++lane) {
    sums[lane] += Product::term(query[i + lane], static_cast<float>(row[i + lane]));
  }
  for (int64_t half = kSums / 2; half > 0; half /= 2) {
    for (int64_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  }
  return sums[0];
}

template <class Product, class Number>
void plainMultiply(const float* queries, int64_t queryCount, const Number* rows, int64_t rowCount,
                   int64_t dims, float* products) {
  for (int64_t row = 0; row < rowCount; ++row) {
    for (int64_t query = 0; query < queryCount; ++query) {
      products[query * rowCount + row] =
          plainProduct<Product>(queries + query * dims, rows + row * dims, dims);
    }
  }
}

constexpr kernels::row_products::Kernels kPlain{
    .dots = plainMultiply<Dot, float>,
    .squaredDistances = plainMultiply<SquaredDistance, float>,
    .halfDots = plainMultiply<Dot, Half>,
    .halfSquaredDistances = plainMultiply<SquaredDistance, Half>};

const kernels::row_products::Kernels& functions() {
  const auto* const simd = kernels::row_products::kernels();
  return simd != nullptr ? *simd : kPlain;
}

}  // namespace

void multiplyRows(const FeatureRows& rows, int64_t begin, int64_t end, Metric metric,
                  const float* queries, int64_t queryCount, float* products) {
  const bool isDistance = metric == Metric::kEuclidean;
  const auto run = [&](const auto* first, const auto dots, const auto squaredDistances) {
    const auto multiply = isDistance ? squaredDistances : dots;
    multiply(queries, queryCount, first, end - begin, rows.dims(), products);
  };
  const auto& use = functions();
  if (rows.isHalf()) {
    run(static_cast<const Half*>(rows.row(begin)), use.halfDots, use.halfSquaredDistances);
  } else {
    run(static_cast<const float*>(rows.row(begin)), use.dots, use.squaredDistances);
  }
}

void measureLengths(const float* vectors, int64_t count, int64_t dims, float* lengths) {
  for (int64_t i = 0; i < count; ++i) {
    const float* const vector = vectors + i * dims;
    functions().dots(vector, 1, vector, 1, dims, lengths + i);
    lengths[i] = std::sqrt(lengths[i]);
  }
}

}  // namespace moco
