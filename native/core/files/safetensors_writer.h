#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/files/atomic_file.h"
#include "core/files/state_dict.h"

namespace moco {

/// Keys and texts of a safetensors file's `__metadata__`, in order.
using FileMetadata = std::vector<std::pair<std::string, std::string>>;

/// Writes tensors in the safetensors format (https://github.com/huggingface/safetensors), each with
/// a CRC-32, and one of the header, so that every flipped bit is found: `__metadata__` begins with
/// `header_crc32` (of the header's JSON with zeros in its place) and holds `checksums`, a JSON text
/// of CRC-32s by tensor name.
/// @param file      a new one; not committed here
/// @param state     tensors of any device and layout; written row-major, widest type first
/// @param metadata  the other entries
/// @throws Error ERR_MOCO_OUTPUT  where the file cannot be written
void writeSafetensors(AtomicFile& file, const StateDict& state, const FileMetadata& metadata);

}  // namespace moco
