#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/files/atomic_file.h"
#include "core/files/state_dict.h"

namespace moco {

/// Records of an archive: name and content.
using Records = std::vector<std::pair<std::string, std::string>>;

/// Writes a zip as PyTorch does: a pickle, and the tensors that it refers to.
/// @param file     has nothing in it yet; the caller commits it
/// @param pickle   the record `data.pkl`; the tensor number n of `state` is to it the record
///                 `data/<n>`
/// @param state    tensors on any device and of any layout, which are written row-major
/// @param records  what else the zip holds
/// @throws Error ERR_MOCO_OUTPUT  if the file cannot be written
void writeTorchArchive(AtomicFile& file, const std::string& pickle, const StateDict& state,
                       const Records& records);

}  // namespace moco
