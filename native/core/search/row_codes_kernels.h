#pragma once

#include <array>
#include <cstdint>

/// Bounds of products from one byte for each number of a row, for processors with AVX-512 and its
/// VNNI, which multiplies 64 pairs of bytes at once.
///
/// A row r is coded as r ≈ step · (code − 128). Codes lie in panels of 16 rows: of four numbers
/// after the other those of all 16 rows, so that each row has its own lane of a vector. A query q
/// is coded twice as finely, q ≈ step · (128 · high + low), by two signed bytes for each number.
/// The products of both codes are whole numbers and exact.
namespace moco::kernels::row_codes {

constexpr int64_t kPanelRows = 16;
constexpr int64_t kPanels = 2;      // that are compared at once
constexpr int64_t kQueries = 6;     // the most that are
constexpr int32_t kCodeZero = 128;  // the code of 0

/// What a panel's codes stand for. All but `steps` are made to bound: `errors` is the length of
/// what coding took from a row, `lengths` that of the row.
struct PanelTerms {
  std::array<float, kPanelRows> steps, errors, lengths;
};

/// The same of a query. The product of a query and a row is at most
///
///   step · row.step · codes + length · row.error + slack · row.length
///
/// where `codes` is the product of the codes. A row is a candidate where this less
/// half · row.length² is not below a threshold.
struct QueryTerms {
  float step, length, slack, half;
  int32_t highZero, lowZero;  // what the code of 0 adds to the products of high and low codes
};

/// How a row was coded.
struct RowTerms {
  float step, error;
};

struct Kernels {
  /// Codes a row.
  /// @param width  `dims`, rounded up to a multiple of 4
  /// @param codes  where the row's first four codes belong in its panel
  RowTerms (*encode)(const float* row, int64_t dims, int64_t width, uint8_t* codes);

  /// Tells which rows of kPanels panels may reach the thresholds.
  /// @param panels   (kPanels, width / 4, kPanelRows, 4)
  /// @param terms    kPanels
  /// @param queries  (count, 2, width): the high codes of a query, then the low ones
  /// @param count    at most kQueries
  /// @param masks    (count, kPanels): a bit for each row of a panel
  void (*findCandidates)(const uint8_t* panels, const PanelTerms* terms, int64_t width,
                         const int8_t* queries, const QueryTerms* queryTerms,
                         const float* thresholds, int64_t count, uint16_t* masks);
};

/// @return  null where this processor cannot run them
const Kernels* kernels();

}  // namespace moco::kernels::row_codes
