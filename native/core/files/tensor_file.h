#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/files/state_dict.h"

namespace moco {

/// A tensor and where its bytes lie in a file, as the readers of src/formats found it.
struct StoredTensor {
  std::string name;
  at::ScalarType type;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;  // in elements
  int64_t firstElement;          // from the start of the storage
  int64_t storageOffset;         // of the storage's first byte, from the start of the file
  int64_t storageBytes;
  std::optional<uint32_t> crc32;  // of the whole storage
};

/// Tensors to be read from one file.
struct TensorSource {
  std::string path;
  std::vector<StoredTensor> tensors;
};

/// Reads tensors into memory and compares checksums. Tensors that share a storage share memory.
/// @return on the CPU, in the same order, of any layout
/// @throws Error ERR_MOCO_CHECKPOINT  where the file cannot be read, is too short, or damaged:
/// names
///                                    the tensor
StateDict readTensors(const TensorSource& source);

}  // namespace moco
