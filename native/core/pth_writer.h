#pragma once

#include <ATen/ATen.h>

#include <string>
#include <utility>
#include <vector>

namespace moco {

using StateDict = std::vector<std::pair<std::string, at::Tensor>>;

/// Writes a state dict as PyTorch's `torch.save` does: a zip with a pickle of an OrderedDict of
/// tensors that Python loads with `weights_only=True`. The file appears whole or not at all.
/// @param state  tensors on the CPU, contiguous: fp32, bf16 or int64
/// @throws Error ERR_MOCO_OUTPUT  where the file cannot be written
void writePth(const std::string& path, const StateDict& state);

}  // namespace moco
