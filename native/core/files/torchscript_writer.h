#pragma once

#include <string>

#include "core/files/atomic_file.h"
#include "core/files/state_dict.h"

namespace moco {

/// Writes TorchScript that `torch.jit.load` opens in Python and `torch::jit::load` in C++. Nothing
/// is compiled here: the archive holds the source of its methods, as PyTorch's own does.
///
/// The module `Model` has submodules as the tensors' names say: `f.0.weight` is the buffer `weight`
/// of the submodule `0` of the submodule `f`. Buffers, because what is exported is not trained.
/// @param file         has nothing in it yet; the caller commits it
/// @param state        tensors on any device and of any layout, which are written row-major
/// @param methods      definitions (`def forward(self: __torch__.Model, …) -> Tensor:` …), indented
///                     by two spaces
/// @param description  JSON about the model: the extra file `moco.json`
/// @throws Error ERR_MOCO_OUTPUT  if the file cannot be written
void writeTorchScript(AtomicFile& file, const StateDict& state, const std::string& methods,
                      const std::string& description);

}  // namespace moco
