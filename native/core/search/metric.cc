#include "core/search/metric.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"

namespace moco {

Metric metricNamed(const std::string& name) {
  if (name == "cosine") return Metric::kCosine;
  if (name == "dot") return Metric::kDot;
  if (name == "euclidean") return Metric::kEuclidean;
  throw Error("ERR_MOCO_CONFIG", "metric: " + name + " is none that rows are compared by",
              "Choose cosine, dot or euclidean.");
}

float similarityOf(Metric metric, float product, float scale) {
  switch (metric) {
    case Metric::kCosine:
      return std::clamp(product * scale, -1.0F, 1.0F);
    case Metric::kDot:
      return product;
    case Metric::kEuclidean:
      return 0.0F - std::sqrt(product);  // and not −0 for equal vectors
  }
  return 0;
}

double roundingOf(int64_t dims) {
  return (static_cast<double>(dims) / 16 + 32) * std::ldexp(1.0, -23);
}

}  // namespace moco
