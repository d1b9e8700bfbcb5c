#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/search/searcher.h"

namespace moco {

inline bool neverStop() { return false; }

inline std::vector<float> numbersOf(const at::Tensor& tensor) {
  const auto numbers = tensor.contiguous();
  return {numbers.const_data_ptr<float>(), numbers.const_data_ptr<float>() + numbers.numel()};
}

/// A searcher of rows (count, dims) in memory.
inline void fill(Searcher& searcher, const at::Tensor& rows) {
  searcher.append(numbersOf(rows));
  searcher.prepare(neverStop);
}

inline SearcherSettings settingsFor(const at::Tensor& rows, const std::string& metric,
                                    const std::string& firstPass) {
  return {.count = rows.size(0),
          .dims = rows.size(1),
          .metric = metric,
          .firstPass = firstPass,
          .threads = 2};
}

/// Similarities (Q, N) in fp64, straight from their definitions.
inline at::Tensor plainSimilarities(const at::Tensor& queries, const at::Tensor& rows,
                                    const std::string& metric) {
  const auto q = queries.to(at::kDouble);
  const auto r = rows.to(at::kDouble);
  if (metric == "dot") return q.mm(r.t());
  if (metric == "euclidean") return -(q.unsqueeze(1) - r.unsqueeze(0)).norm(2, /*dim=*/2);
  const auto unit = [](const at::Tensor& x) {
    const auto length = x.norm(2, /*dim=*/1, /*keepdim=*/true);
    return at::where(length > 0, x / length, at::zeros_like(x));
  };
  return unit(q).mm(unit(r).t());
}

}  // namespace moco
