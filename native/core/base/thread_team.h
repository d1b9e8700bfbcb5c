#pragma once

namespace moco {

/// Starts the threads of PyTorch's that share what the calling thread computes. Without this they
/// start with its first loop; and where the system refuses one, OpenMP then ends the process.
/// @throws Error ERR_MOCO_LIMIT  if the system gives fewer than the number that was set
void startThreadTeam();

}  // namespace moco
