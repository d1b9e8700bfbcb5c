#include "core/search/row_codes_kernels.h"

#include <cmath>
#include <cstring>

#include "core/device/avx512.h"
#include "core/device/cpu_kernels.h"

#ifdef __x86_64__

#define MOCO_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16,avx512vnni")))
#define MOCO_VNNI_INLINE MOCO_VNNI __attribute__((always_inline)) inline

namespace moco::kernels::row_codes {
namespace {

using avx512::kLanes;
static_assert(kPanelRows == kLanes);

constexpr float kLargestCode = 127;
/// A row whose numbers are all smaller is coded as zero: its step would not be precise.
constexpr float kSmallestNumber = 1e-30F;
/// More than rounding takes from the length of what coding took …
constexpr float kRoundedUp = 1.001F;
/// … and from each of its numbers, in steps: 127 with its factors rounded to 24 bits.
constexpr float kRounding = 4e-5F;

MOCO_AVX512_INLINE __mmask16 firstLanes(int64_t count) {
  return count < kLanes ? static_cast<__mmask16>((1U << count) - 1) : __mmask16{0xffff};
}

MOCO_AVX512 float largest(const float* row, int64_t dims) {
  __m512 largest = _mm512_setzero_ps();
  for (int64_t i = 0; i < dims; i += kLanes) {
    const __m512 values = _mm512_maskz_loadu_ps(firstLanes(dims - i), row + i);
    largest = _mm512_max_ps(largest, _mm512_abs_ps(values));
  }
  return _mm512_reduce_max_ps(largest);
}

MOCO_AVX512 RowTerms encode(const float* row, int64_t dims, int64_t width, uint8_t* codes) {
  const float most = largest(row, dims);
  const bool isZero = most < kSmallestNumber;
  const __m512 inverse = _mm512_set1_ps(isZero ? 0 : kLargestCode / most);
  // What coding takes is squared in steps, since in numbers as small as 1e-20 its square would be
  // 0.
  __m512 squares = _mm512_setzero_ps();
  for (int64_t i = 0; i < width; i += kLanes) {
    const __m512 values = _mm512_maskz_loadu_ps(firstLanes(dims - i), row + i);
    const __m512 steps = _mm512_mul_ps(values, inverse);
    const __m512i whole = _mm512_cvtps_epi32(steps);
    const __m512 taken = _mm512_sub_ps(steps, _mm512_cvtepi32_ps(whole));
    squares = _mm512_fmadd_ps(taken, taken, squares);
    const __m512i shifted = _mm512_add_epi32(whole, _mm512_set1_epi32(kCodeZero));
    alignas(16) std::array<uint8_t, kLanes> bytes;
    _mm_store_si128(reinterpret_cast<__m128i*>(bytes.data()), _mm512_cvtepi32_epi8(shifted));
    for (int64_t at = 0; at < kLanes && i + at < width; at += 4) {
      std::memcpy(codes + (i + at) * kPanelRows, bytes.data() + at, 4);
    }
  }
  const float root = std::sqrt(static_cast<float>(dims));
  if (isZero) return {.step = 0, .error = kSmallestNumber * root};
  const float step = most / kLargestCode;
  const float taken = std::sqrt(_mm512_reduce_add_ps(squares));
  return {.step = step, .error = step * (taken * kRoundedUp + kRounding * root)};
}

MOCO_AVX512_INLINE __m512i fourOf(const int8_t* codes) {
  int32_t four = 0;
  std::memcpy(&four, codes, sizeof four);
  return _mm512_set1_epi32(four);
}

/// The rows of a panel that may reach a query's threshold.
MOCO_AVX512_INLINE __mmask16 reaching(__m512i high, __m512i low, const PanelTerms& panel,
                                      const QueryTerms& query, float threshold) {
  const __m512 highs =
      _mm512_cvtepi32_ps(_mm512_sub_epi32(high, _mm512_set1_epi32(query.highZero)));
  const __m512 lows = _mm512_cvtepi32_ps(_mm512_sub_epi32(low, _mm512_set1_epi32(query.lowZero)));
  const __m512 codes = _mm512_fmadd_ps(highs, _mm512_set1_ps(128), lows);
  const __m512 step = _mm512_mul_ps(avx512::load(panel.steps.data()), _mm512_set1_ps(query.step));
  const __m512 length = avx512::load(panel.lengths.data());
  __m512 bound = _mm512_mul_ps(step, codes);
  bound = _mm512_fmadd_ps(avx512::load(panel.errors.data()), _mm512_set1_ps(query.length), bound);
  bound = _mm512_fmadd_ps(length, _mm512_set1_ps(query.slack), bound);
  bound = _mm512_fnmadd_ps(_mm512_mul_ps(length, length), _mm512_set1_ps(query.half), bound);
  return _mm512_cmp_ps_mask(bound, _mm512_set1_ps(threshold), _CMP_GE_OQ);
}

template <int64_t kCount>
MOCO_VNNI void findFor(const uint8_t* panels, const PanelTerms* terms, int64_t width,
                       const int8_t* queries, const QueryTerms* queryTerms, const float* thresholds,
                       uint16_t* masks) {
  constexpr int64_t kAhead = 16 * 64;  // bytes that are fetched before they are needed
  const uint8_t* const first = panels;
  const uint8_t* const second = panels + width * kPanelRows;
  __m512i high[kCount][kPanels];
  __m512i low[kCount][kPanels];
#pragma GCC unroll 6
  for (int64_t query = 0; query < kCount; ++query) {
    high[query][0] = high[query][1] = low[query][0] = low[query][1] = _mm512_setzero_si512();
  }
  for (int64_t i = 0; i < width; i += 4) {
    const __m512i rows = _mm512_loadu_si512(first + i * kPanelRows);
    const __m512i moreRows = _mm512_loadu_si512(second + i * kPanelRows);
    _mm_prefetch(reinterpret_cast<const char*>(first + i * kPanelRows + kAhead), _MM_HINT_T0);
    _mm_prefetch(reinterpret_cast<const char*>(second + i * kPanelRows + kAhead), _MM_HINT_T0);
#pragma GCC unroll 6
    for (int64_t query = 0; query < kCount; ++query) {
      const int8_t* const codes = queries + query * 2 * width + i;
      const __m512i highs = fourOf(codes);
      high[query][0] = _mm512_dpbusd_epi32(high[query][0], rows, highs);
      high[query][1] = _mm512_dpbusd_epi32(high[query][1], moreRows, highs);
      const __m512i lows = fourOf(codes + width);
      low[query][0] = _mm512_dpbusd_epi32(low[query][0], rows, lows);
      low[query][1] = _mm512_dpbusd_epi32(low[query][1], moreRows, lows);
    }
  }
#pragma GCC unroll 6
  for (int64_t query = 0; query < kCount; ++query) {
#pragma GCC unroll 2
    for (int64_t panel = 0; panel < kPanels; ++panel) {
      masks[query * kPanels + panel] = reaching(high[query][panel], low[query][panel], terms[panel],
                                                queryTerms[query], thresholds[query]);
    }
  }
}

void findCandidates(const uint8_t* panels, const PanelTerms* terms, int64_t width,
                    const int8_t* queries, const QueryTerms* queryTerms, const float* thresholds,
                    int64_t count, uint16_t* masks) {
  static constexpr std::array kFind{findFor<1>, findFor<2>, findFor<3>,
                                    findFor<4>, findFor<5>, findFor<6>};
  static_assert(kFind.size() == kQueries);
  kFind[count - 1](panels, terms, width, queries, queryTerms, thresholds, masks);
}

}  // namespace

const Kernels* kernels() {
  static constexpr Kernels kKernels{.encode = encode, .findCandidates = findCandidates};
  static const bool isPossible = useCpuKernels() && __builtin_cpu_supports("avx512vnni");
  return isPossible ? &kKernels : nullptr;
}

}  // namespace moco::kernels::row_codes

#else

namespace moco::kernels::row_codes {

const Kernels* kernels() { return nullptr; }

}  // namespace moco::kernels::row_codes

#endif
