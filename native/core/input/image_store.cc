#include "core/input/image_store.h"

#include "core/base/error.h"

namespace moco {

ImageStore makeImageStore(const uint8_t* pixels, const uint8_t* labels, int64_t count,
                          int64_t height, int64_t width, int64_t classes) {
  // These two tensors only read the caller's memory, and the store gets copies of them.
  const auto bytes =
      at::from_blob(const_cast<uint8_t*>(pixels), {count, height, width, 3}, at::kByte);
  const auto classIndices = at::from_blob(const_cast<uint8_t*>(labels), {count}, at::kByte);
  ImageStore store{bytes.clone(), classIndices.to(at::kLong), classes};
  const auto wrong = store.labels.ge(classes).nonzero();
  if (wrong.numel() > 0) {
    const auto picture = wrong[0].item<int64_t>();
    throw Error("ERR_MOCO_DATA",
                "picture " + std::to_string(picture) + " has label " +
                    std::to_string(store.labels[picture].item<int64_t>()) +
                    ", but there are only " + std::to_string(classes) + " classes",
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
