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

/// Writes tensors in the safetensors format (https://github.com/huggingface/safetensors), with a
/// CRC-32 of each tensor and of the header, so that every flipped bit is detected. `__metadata__`
/// begins with `header_crc32` (of the header's JSON with zeros in its place) and holds `checksums`,
/// a JSON text with the CRC-32 of each tensor by name.
/// @param file      has nothing in it yet; the caller commits it
/// @param state     tensors on any device and of any layout, which are written row-major and with
///                  the widest types first
/// @param metadata  further entries of `__metadata__`
/// @throws Error ERR_MOCO_OUTPUT  if the file cannot be written
void writeSafetensors(AtomicFile& file, const StateDict& state, const FileMetadata& metadata);

}  // namespace moco
