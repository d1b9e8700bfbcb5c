#include "core/search/row_products_kernels.h"

#include "core/device/avx512.h"
#include "core/device/cpu_kernels.h"

#ifdef __x86_64__

namespace moco::kernels::row_products {
namespace {

using avx512::kLanes;
using c10::Half;

constexpr int64_t kTile = 4;  // queries, and rows, that are multiplied at once

MOCO_AVX512_INLINE __m512 loadSome(const float* from, __mmask16 which) {
  return _mm512_maskz_loadu_ps(which, from);
}

MOCO_AVX512_INLINE __m512 loadSome(const Half* from, __mmask16 which) {
  return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(which, from));
}

struct Dot {
  MOCO_AVX512_INLINE static __m512 add(__m512 query, __m512 row, __m512 sums) {
    return _mm512_fmadd_ps(query, row, sums);
  }
};

struct SquaredDistance {
  MOCO_AVX512_INLINE static __m512 add(__m512 query, __m512 row, __m512 sums) {
    const __m512 difference = _mm512_sub_ps(query, row);
    return _mm512_fmadd_ps(difference, difference, sums);
  }
};

/// Adds to the sums of all pairs what up to 16 numbers contribute.
template <class Product, int64_t kQueries, int64_t kRows, class Number>
MOCO_AVX512_INLINE void addLanes(const float* queries, const Number* rows, int64_t dims,
                                 __mmask16 which, __m512 (&sums)[kQueries][kRows]) {
  __m512 right[kRows];
#pragma GCC unroll 4
  for (int64_t row = 0; row < kRows; ++row) right[row] = loadSome(rows + row * dims, which);
#pragma GCC unroll 4
  for (int64_t query = 0; query < kQueries; ++query) {
    const __m512 left = loadSome(queries + query * dims, which);
#pragma GCC unroll 4
    for (int64_t row = 0; row < kRows; ++row) {
      sums[query][row] = Product::add(left, right[row], sums[query][row]);
    }
  }
}

/// @param length  products from one query to the next
template <class Product, int64_t kQueries, int64_t kRows, class Number>
MOCO_AVX512 void multiplyTile(const float* queries, const Number* rows, int64_t dims,
                              float* products, int64_t length) {
  constexpr __mmask16 kAll = 0xffff;
  __m512 sums[kQueries][kRows];
#pragma GCC unroll 4
  for (int64_t query = 0; query < kQueries; ++query) {
#pragma GCC unroll 4
    for (int64_t row = 0; row < kRows; ++row) sums[query][row] = _mm512_setzero_ps();
  }
  int64_t i = 0;
  for (; i + kLanes <= dims; i += kLanes) {
    addLanes<Product>(queries + i, rows + i, dims, kAll, sums);
  }
  if (i < dims) {
    const auto rest = static_cast<__mmask16>((1U << (dims - i)) - 1);
    addLanes<Product>(queries + i, rows + i, dims, rest, sums);
  }
#pragma GCC unroll 4
  for (int64_t query = 0; query < kQueries; ++query) {
#pragma GCC unroll 4
    for (int64_t row = 0; row < kRows; ++row) {
      products[query * length + row] = _mm512_reduce_add_ps(sums[query][row]);
    }
  }
}

/// Multiplies all queries with kRows rows, which stay in the first-level cache meanwhile.
template <class Product, int64_t kRows, class Number>
MOCO_AVX512 void multiplyRows(const float* queries, int64_t count, const Number* rows, int64_t dims,
                              float* products, int64_t length) {
  int64_t query = 0;
  for (; query + kTile <= count; query += kTile) {
    multiplyTile<Product, kTile, kRows>(queries + query * dims, rows, dims,
                                        products + query * length, length);
  }
  for (; query < count; ++query) {
    multiplyTile<Product, 1, kRows>(queries + query * dims, rows, dims, products + query * length,
                                    length);
  }
}

template <class Product, class Number>
MOCO_AVX512 void multiply(const float* queries, int64_t queryCount, const Number* rows,
                          int64_t rowCount, int64_t dims, float* products) {
  int64_t row = 0;
  for (; row + kTile <= rowCount; row += kTile) {
    multiplyRows<Product, kTile>(queries, queryCount, rows + row * dims, dims, products + row,
                                 rowCount);
  }
  for (; row < rowCount; ++row) {
    multiplyRows<Product, 1>(queries, queryCount, rows + row * dims, dims, products + row,
                             rowCount);
  }
}

}  // namespace

const Kernels* kernels() {
  static constexpr Kernels kKernels{.dots = multiply<Dot, float>,
                                    .squaredDistances = multiply<SquaredDistance, float>,
                                    .halfDots = multiply<Dot, Half>,
                                    .halfSquaredDistances = multiply<SquaredDistance, Half>};
  return useCpuKernels() ? &kKernels : nullptr;
}

}  // namespace moco::kernels::row_products

#else

namespace moco::kernels::row_products {

const Kernels* kernels() { return nullptr; }

}  // namespace moco::kernels::row_products

#endif
