#pragma once

#include <c10/util/Half.h>

#include <cstdint>

/// Products of queries with rows of fp32 or fp16, for processors with AVX-512.
namespace moco::kernels::row_products {

/// Computes the products of queries (Q, dims) and rows (R, dims), which both lie without gaps, into
/// (Q, R). A product is the same to the last bit, however many are computed at once.
template <class Number>
using Multiply = void (*)(const float* queries, int64_t queryCount, const Number* rows,
                          int64_t rowCount, int64_t dims, float* products);

struct Kernels {
  Multiply<float> dots, squaredDistances;
  Multiply<c10::Half> halfDots, halfSquaredDistances;
};

/// @return  null where this processor cannot run them
const Kernels* kernels();

}  // namespace moco::kernels::row_products
