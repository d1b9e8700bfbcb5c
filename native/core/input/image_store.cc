#include "core/input/image_store.h"

#include <algorithm>
#include <string>

#include "core/base/error.h"

namespace moco {

ImageStore makeImageStore(const uint8_t* pixels, const uint8_t* labels, int64_t count,
                          int64_t height, int64_t width, int64_t classes) {
  ImageStore store{at::empty({count, height, width, 3}, at::kByte), at::empty({count}, at::kLong),
                   classes};
  // Plain loops: PyTorch's would start threads, before it was settled how many there may be.
  std::copy_n(pixels, store.pixels.numel(), store.pixels.mutable_data_ptr<uint8_t>());
  std::copy_n(labels, count, store.labels.mutable_data_ptr<int64_t>());
  const auto* const wrong =
      std::find_if(labels, labels + count, [&](int64_t label) { return label >= classes; });
  if (wrong != labels + count) {
    throw Error("ERR_MOCO_DATA",
                "picture " + std::to_string(wrong - labels) + " has label " +
                    std::to_string(*wrong) + ", but there are only " + std::to_string(classes) +
                    " classes",
                "Check the labels, or delete the data set's folder to have it downloaded again.");
  }
  return store;
}

at::Tensor normalise(const at::Tensor& pictures, const Normalisation& normalisation,
                     at::ScalarType dtype) {
  auto scaled = pictures.to(at::kFloat);  // (B, H, W, 3)
  // The divisor is a tensor, because with a number CUDA would multiply by its reciprocal and round
  // differently.
  scaled.div_(at::full({}, 255, scaled.options()));
  scaled.sub_(normalisation.mean).div_(normalisation.std);
  return scaled.permute({0, 3, 1, 2}).to(dtype);
}

}  // namespace moco
