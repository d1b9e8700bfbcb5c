#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace moco {

/// One split of a data set, resident in memory.
struct ImageStore {
  at::Tensor pixels;  // (N, H, W, 3) uint8, contiguous
  at::Tensor labels;  // (N) int64, in [0, classes)
  int64_t classes = 0;

  int64_t count() const { return pixels.size(0); }
  int64_t height() const { return pixels.size(1); }
  int64_t width() const { return pixels.size(2); }
  int64_t bytes() const { return static_cast<int64_t>(pixels.nbytes() + labels.nbytes()); }
};

/// Makes a store with copies of pictures and labels.
/// @param pixels  count × height × width × 3 bytes
/// @param labels  one class index per picture
/// @throws Error ERR_MOCO_DATA  if a label is not below `classes`
ImageStore makeImageStore(const uint8_t* pixels, const uint8_t* labels, int64_t count,
                          int64_t height, int64_t width, int64_t classes);

/// Per-channel mean and standard deviation of the pictures, on the 0…1 scale.
struct Normalisation {
  at::Tensor mean;  // (3) float
  at::Tensor std;   // (3) float
};

/// Normalises pictures as the reference's ToTensor and Normalize do: (bytes / 255 − mean) / std, in
/// fp32.
/// @param pictures  (B, H, W, 3) uint8
/// @return          (B, 3, H, W) of `dtype`, channels last
at::Tensor normalise(const at::Tensor& pictures, const Normalisation& normalisation,
                     at::ScalarType dtype);

}  // namespace moco
