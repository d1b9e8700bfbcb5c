#pragma once

#include <cstdint>

namespace moco {

/// Makes sure that the system would give this process further threads: for what starts threads
/// without looking whether it got them.
/// @throws Error ERR_MOCO_LIMIT  if it gives fewer than `count`
void requireThreads(int64_t count);

/// Starts the threads of PyTorch's that share what the calling thread computes. Without this they
/// start with its first loop; and where the system refuses one, OpenMP then ends the process.
/// @throws Error ERR_MOCO_LIMIT  if the system gives fewer than the number that was set
void startThreadTeam();

}  // namespace moco
