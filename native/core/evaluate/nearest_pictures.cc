#include "core/evaluate/nearest_pictures.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <string>

#include "core/base/error.h"
#include "core/evaluate/nearest_neighbours.h"
#include "core/ops/normalise_rows.h"

namespace moco {
namespace {

void requireThere(const std::vector<int64_t>& queries, int64_t pictures) {
  const auto isMissing = [&](int64_t query) { return query < 0 || query >= pictures; };
  if (std::none_of(queries.begin(), queries.end(), isMissing)) return;
  throw Error("ERR_MOCO_CONFIG",
              "queries: a number is not one of the " + std::to_string(pictures) + " pictures",
              "Ask for pictures that are there.");
}

void requireEnough(int64_t k, int64_t bank) {
  if (k > 0 && k <= bank) return;
  throw Error("ERR_MOCO_CONFIG",
              "k: " + std::to_string(k) + " is not between 1 and the " + std::to_string(bank) +
                  " training pictures",
              "Lower it, or take more pictures.");
}

void requireFinite(const at::Tensor& similarities) {
  if (at::isfinite(similarities).all().item<bool>()) return;
  throw Error("ERR_MOCO_NON_FINITE", "nearest pictures: the encoder's features are not finite",
              "Take the model of an earlier epoch.");
}

}  // namespace

NearestPictures nearestPictures(FrozenBackbone& backbone, const ImageStore& bank,
                                const ImageStore& asked, const std::vector<int64_t>& queries,
                                int64_t k, const std::atomic<bool>& stop) {
  const at::NoGradGuard noGrad;
  requireThere(queries, asked.count());
  requireEnough(k, bank.count());
  std::vector<at::Tensor> features;
  backbone.eachChunk(asked.copyOf(at::tensor(queries, at::kLong)), stop,
                     [&](const at::Tensor& chunk, const at::Tensor&) {
                       features.push_back(normaliseRows(chunk));
                     });
  const auto wanted = at::cat(features);  // (Q, C)
  auto nearest = NearestNeighbours::none(wanted.size(0), k, wanted.device());
  int64_t first = 0;  // number of the chunk's first picture
  backbone.eachChunk(bank, stop, [&](const at::Tensor& chunk, const at::Tensor& labels) {
    const int64_t end = first + chunk.size(0);
    const auto similarities = at::mm(wanted, normaliseRows(chunk).t());
    requireFinite(similarities);
    keepNearest(nearest, similarities, at::arange(first, end, labels.options()));
    first = end;
  });
  return {nearest.labels, nearest.similarities};
}

}  // namespace moco
