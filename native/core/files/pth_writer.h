#pragma once

#include <string>

#include "core/files/state_dict.h"

namespace moco {

/// Where a model file holds what it says of itself: the name of a record in a `.pth`, of an entry
/// of the metadata in safetensors.
inline constexpr const char* kDescriptionRecord = "moco.json";

/// Writes a state dict as PyTorch's `torch.save` does: a zip with a pickle of an OrderedDict of
/// tensors that Python loads with `weights_only=True`. The file appears whole or not at all.
/// @param state        tensors of any device and layout; written row-major
/// @param description  JSON about the model for `moco inspect`: a record of its own in the zip,
///                     which Python ignores; left out where empty
/// @throws Error ERR_MOCO_OUTPUT  where the file cannot be written
void writePth(const std::string& path, const StateDict& state, const std::string& description = {});

}  // namespace moco
