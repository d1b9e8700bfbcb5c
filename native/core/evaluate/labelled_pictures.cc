#include "core/evaluate/labelled_pictures.h"

#include <cstdint>
#include <vector>

namespace moco {

at::Tensor labelledPictures(const ImageStore& store) {
  const auto labels = store.labels.cpu();
  const auto* const labelOf = labels.const_data_ptr<int64_t>();
  // A plain loop: PyTorch's would start threads, before it was settled how many there may be.
  std::vector<int64_t> numbers;
  for (int64_t i = 0; i < labels.size(0); ++i) {
    if (labelOf[i] >= 0) numbers.push_back(i);
  }
  return at::tensor(numbers, at::kLong);
}

}  // namespace moco
