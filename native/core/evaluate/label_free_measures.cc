#include "core/evaluate/label_free_measures.h"

#include <algorithm>

#include "core/evaluate/alignment.h"
#include "core/evaluate/dimension_spread.h"
#include "core/evaluate/effective_rank.h"
#include "core/evaluate/neighbour_agreement.h"
#include "core/evaluate/own_key_rank.h"
#include "core/evaluate/uniformity.h"
#include "core/ops/normalise_rows.h"

namespace moco {

LabelFreeMeasures measureWithoutLabels(const ViewVectors& first, const ViewVectors& second) {
  const OwnKeyRank own = ownKeyRank(first.projections, second.projections);
  const int64_t others = first.features.size(0) - 1;
  return {.alignment = alignment(first.projections, second.projections),
          .uniformity = (uniformity(first.projections) + uniformity(second.projections)) / 2,
          .effectiveRank = effectiveRank(first.features),
          .dimensionSpread = dimensionSpread(first.projections),
          .ownKeyRank = own.mean,
          .ownKeyMedianRank = own.median,
          .ownKeyFirst = own.first,
          .neighbourAgreement =
              neighbourAgreement(normaliseRows(first.features), normaliseRows(second.features),
                                 std::min(kAgreeingNeighbours, others))};
}

}  // namespace moco
