#pragma once

#include <string>

#include "core/files/atomic_file.h"
#include "core/files/state_dict.h"

namespace moco {

/// The name under which a model file holds its description: of a record in the zip of a `.pth`, of
/// an entry in the metadata of safetensors.
inline constexpr const char* kDescriptionRecord = "moco.json";

/// Writes a state dict as PyTorch's `torch.save` does: a zip with a pickle of an OrderedDict of
/// tensors, which Python loads with `weights_only=True`.
/// @param file         has nothing in it yet; the caller commits it
/// @param state        tensors on any device and of any layout, which are written row-major
/// @param description  JSON about the model for `moco inspect`. It becomes a record of its own in
///                     the zip, which Python ignores; if it is empty, there is no such record
/// @throws Error ERR_MOCO_OUTPUT  if the file cannot be written
void writePth(AtomicFile& file, const StateDict& state, const std::string& description = {});

}  // namespace moco
