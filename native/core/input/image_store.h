#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>

#include "core/input/picture_file.h"

namespace moco {

/// One split of a data set: its labels in memory, its pictures in memory or in a file.
struct ImageStore {
  at::Tensor pixels;  // (N, H, W, 3) uint8, contiguous; undefined if the pictures stay in a file
  at::Tensor labels;  // (N) int64, in [0, classes), or −1 for a picture without label
  int64_t classes = 0;
  std::shared_ptr<const PictureFile> file = {};  // null if the pictures are in memory
  int64_t side = 0;                              // height and width of the file's pictures

  int64_t count() const { return labels.size(0); }
  int64_t height() const { return file ? side : pixels.size(1); }
  int64_t width() const { return file ? side : pixels.size(2); }
  /// Whether all pixels are in memory.
  bool isResident() const { return !file; }
  /// Bytes of the pictures and labels, wherever they are.
  int64_t bytes() const { return count() * height() * width() * 3 + labels.numel() * 8; }
  /// The bytes of them that are in memory.
  int64_t residentBytes() const { return isResident() ? bytes() : labels.numel() * 8; }

  /// The pictures from `begin` to `end`: (end − begin, H, W, 3) uint8, where the store is.
  /// @throws Error ERR_MOCO_DATA  if they cannot be read
  at::Tensor slice(int64_t begin, int64_t end) const;

  /// Pictures among others.
  struct Selection {
    at::Tensor pixels;   // (n, H, W, 3) uint8, contiguous
    at::Tensor numbers;  // (B) int64: which of them
  };
  /// Some of the pictures: those of a file are read, those in memory stay where they are.
  /// @param numbers  (B) int64, on the CPU, contiguous
  /// @throws Error ERR_MOCO_DATA  if they cannot be read
  Selection select(const at::Tensor& numbers) const;

  /// A store in memory with copies of some of the pictures, where the store is.
  /// @param numbers  (n) int64, on the CPU, contiguous
  /// @throws Error ERR_MOCO_DATA  if they cannot be read
  ImageStore copyOf(const at::Tensor& numbers) const;

  /// The store in the memory of a device. Pictures of a file are carried there in pieces.
  ImageStore to(const at::Device& device) const;
};

/// Makes a store in memory, with copies of pictures and labels.
/// @param pixels  count × height × width × 3 bytes
/// @param labels  for each picture its class, or −1
/// @throws Error ERR_MOCO_DATA  if a label is neither −1 nor a number below `classes`
ImageStore makeImageStore(const uint8_t* pixels, const int32_t* labels, int64_t count,
                          int64_t height, int64_t width, int64_t classes);

/// Makes a store of pictures that stay in a file.
/// @param side    height and width of the pictures
/// @param labels  for each picture its class, or −1
/// @throws Error ERR_MOCO_DATA  as above
ImageStore makeImageStore(std::shared_ptr<const PictureFile> file, int64_t side,
                          const int32_t* labels, int64_t classes);

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
