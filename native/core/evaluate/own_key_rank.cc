#include "core/evaluate/own_key_rank.h"

#include <vector>

#include "core/evaluate/similarity_blocks.h"

namespace moco {

OwnKeyRank ownKeyRank(const at::Tensor& queries, const at::Tensor& keys) {
  std::vector<at::Tensor> blocks;
  eachSimilarityBlock(queries, keys, [&](int64_t begin, int64_t, const at::Tensor& similarities) {
    const auto own = ownSimilarities(similarities, begin).unsqueeze(1);
    const auto before = similarities.gt(own).sum(1).to(at::kDouble);
    const auto beside = similarities.eq(own).sum(1).sub_(1).to(at::kDouble);
    blocks.push_back(before.add_(beside.div_(2)));
  });
  const auto before = at::cat(blocks).cpu();  // (N): views before the own one
  const auto shares = before / static_cast<double>(keys.size(0) - 1);
  return {.mean = shares.mean().item<double>(),
          .median = shares.quantile(0.5).item<double>(),
          .first = before.eq(0).to(at::kDouble).mean().item<double>()};
}

}  // namespace moco
