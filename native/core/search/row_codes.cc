#include "core/search/row_codes.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace moco {
namespace {

using namespace kernels::row_codes;

/// The largest code of a query, 128 · high + low, of which both fit in a signed byte.
constexpr double kLargestQueryCode = 127 * 128;
/// More than rounding changes the terms of a bound.
constexpr double kRoundedUp = 1 + 1e-6;
/// More than is lost where products of small numbers are too small for fp32.
constexpr double kUnderflow = 1e-28;
/// The length of a row whose squares are too small for fp32, at most.
constexpr double kShortest = 1e-18;

int64_t paddedTo(int64_t multiple, int64_t count) {
  return (count + multiple - 1) / multiple * multiple;
}

int64_t widthFor(int64_t dims) { return paddedTo(4, dims); }

int64_t panelsFor(int64_t count) { return paddedTo(RowCodes::kBlockRows, count) / kPanelRows; }

int64_t codeBytes(int64_t count, int64_t dims) {
  return panelsFor(count) * kPanelRows * widthFor(dims);
}

double scaleFor(Metric metric, float length) {
  return metric == Metric::kCosine ? directionScale(length) : 1;
}

/// The share of squared lengths and distances that rounding may take, for kEuclidean.
double squareRounding(double rounding) { return 4 * rounding; }

}  // namespace

CodedQueries::CodedQueries(const float* queries, int64_t count, int64_t dims, Metric metric,
                           const std::vector<float>& lengths)
    : width_(widthFor(dims)),
      metric_(metric),
      rounding_(roundingOf(dims)),
      lengths_(lengths),
      codes_(count * 2 * width_) {
  terms_.reserve(count);
  for (int64_t i = 0; i < count; ++i) encode(queries + i * dims, dims);
}

void CodedQueries::encode(const float* query, int64_t dims) {
  const int64_t number = count();
  int8_t* const high = codes_.data() + number * 2 * width_;
  int8_t* const low = high + width_;
  double most = 0;
  double square = 0;
  for (int64_t i = 0; i < dims; ++i) {
    const double value = query[i];
    most = std::max(most, std::abs(value));
    square += value * value;
  }
  const double length = std::sqrt(square);
  const double step = most / kLargestQueryCode;
  double squaredError = 0;
  int32_t highSum = 0;
  int32_t lowSum = 0;
  for (int64_t i = 0; i < dims; ++i) {
    const auto code = static_cast<int32_t>(most > 0 ? std::lround(query[i] / step) : 0);
    high[i] = static_cast<int8_t>(std::lround(code / 128.0));
    low[i] = static_cast<int8_t>(code - 128 * high[i]);
    highSum += high[i];
    lowSum += low[i];
    const double taken = query[i] - step * code;
    squaredError += taken * taken;
  }
  const double scale = scaleFor(metric_, lengths_[number]);
  const double error = std::sqrt(squaredError);
  const double half = metric_ == Metric::kEuclidean ? 0.5 * (1 - squareRounding(rounding_)) : 0;
  terms_.push_back({.step = static_cast<float>(step * scale),
                    .length = static_cast<float>((length + error) * scale * kRoundedUp),
                    .slack = static_cast<float>((error + rounding_ * length) * scale * kRoundedUp),
                    .half = static_cast<float>(half),
                    .highZero = kCodeZero * highSum,
                    .lowZero = kCodeZero * lowSum});
}

float CodedQueries::threshold(int64_t query, float similarity) const {
  // Above the −∞ of the rows that fill up the last block.
  if (std::isinf(similarity)) return std::numeric_limits<float>::lowest();
  const double value = similarity;
  if (metric_ != Metric::kEuclidean) {
    return static_cast<float>(value - std::abs(value) * 1e-6 - kUnderflow);
  }
  // |q − r|² ≤ value², where |q − r|² = |q|² + |r|² − 2 q·r.
  const double rounding = squareRounding(rounding_);
  const double length = lengths_[query];
  const double bound = ((1 - rounding) * length * length - (1 + rounding) * value * value) / 2;
  return static_cast<float>(bound - kUnderflow);
}

int64_t RowCodes::bytesFor(int64_t count, int64_t dims) {
  return codeBytes(count, dims) + panelsFor(count) * static_cast<int64_t>(sizeof(PanelTerms));
}

RowCodes::RowCodes(int64_t count, int64_t dims, Metric metric)
    : dims_(dims),
      width_(widthFor(dims)),
      metric_(metric),
      codes_(codeBytes(count, dims)),
      terms_(panelsFor(count)) {
  // The rows that fill the last block up reach no threshold.
  for (int64_t row = count; row < panelsFor(count) * kPanelRows; ++row) {
    terms_[row / kPanelRows].errors[row % kPanelRows] = -std::numeric_limits<float>::infinity();
  }
}

void RowCodes::encode(int64_t row, const float* values, float length) {
  const int64_t lane = row % kPanelRows;
  const RowTerms terms = kernels::row_codes::kernels()->encode(values, dims_, width_,
                                                               panel(row / kPanelRows) + lane * 4);
  const double scale = scaleFor(metric_, length);
  PanelTerms& panelTerms = terms_[row / kPanelRows];
  panelTerms.steps[lane] = static_cast<float>(terms.step * scale);
  panelTerms.errors[lane] = static_cast<float>(terms.error * scale * kRoundedUp);
  const double shortest = metric_ == Metric::kCosine ? 0 : kShortest;
  panelTerms.lengths[lane] = static_cast<float>(length * scale * kRoundedUp + shortest);
}

std::array<uint32_t, kQueries> RowCodes::candidates(int64_t block, const CodedQueries& queries,
                                                    int64_t first, int64_t count,
                                                    const float* thresholds) const {
  std::array<uint16_t, kQueries * kPanels> masks;
  kernels::row_codes::kernels()->findCandidates(panel(block * kPanels), &terms_[block * kPanels],
                                                width_, queries.codes(first), &queries.terms(first),
                                                thresholds, count, masks.data());
  std::array<uint32_t, kQueries> rows{};
  for (int64_t query = 0; query < count; ++query) {
    rows[query] = masks[query * kPanels] | uint32_t{masks[query * kPanels + 1]} << kPanelRows;
  }
  return rows;
}

}  // namespace moco
