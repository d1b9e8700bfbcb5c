#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/files/state_dict.h"

namespace moco {

/// A tensor and where its bytes lie in a file, as the readers in src/formats have found out.
struct StoredTensor {
  std::string name;
  at::ScalarType type;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;  // in elements
  int64_t firstElement;          // its index in the storage
  int64_t storageOffset;         // of the storage's first byte, from the start of the file
  int64_t storageBytes;
  std::optional<uint32_t> crc32;     // of the whole storage, if the file says it
  std::optional<int64_t> bigEndian;  // bytes of a number whose most significant one is first
};

/// Tensors to be read from one file.
struct TensorSource {
  std::string path;
  std::vector<StoredTensor> tensors;
};

/// Reads tensors into memory and compares checksums. Tensors that share a storage share memory.
/// @return  the tensors on the CPU, in the same order and with the strides that they have in the
/// file
/// @throws Error ERR_MOCO_CHECKPOINT  if the file cannot be read, is too short, or a checksum is
///                                    wrong, with the name of that tensor
StateDict readTensors(const TensorSource& source);

}  // namespace moco
