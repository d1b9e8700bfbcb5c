#include "core/evaluate/similarity_blocks.h"

#include <algorithm>

namespace moco {

void eachSimilarityBlock(
    const at::Tensor& rows, const at::Tensor& columns,
    const std::function<void(int64_t begin, int64_t end, const at::Tensor& similarities)>& use) {
  for (int64_t begin = 0; begin < rows.size(0); begin += kSimilarityRowsAtOnce) {
    const int64_t end = std::min(begin + kSimilarityRowsAtOnce, rows.size(0));
    use(begin, end, at::mm(rows.slice(0, begin, end), columns.t()));
  }
}

at::Tensor ownSimilarities(const at::Tensor& similarities, int64_t begin) {
  return similarities.diagonal(/*offset=*/begin);
}

}  // namespace moco
