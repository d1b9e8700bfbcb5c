#pragma once

#include <ATen/ATen.h>

#include <memory>

#include "core/device/graphed_function.h"

namespace moco {

/// A recorder that records one CUDA graph from the calling thread's current stream, which must not
/// be the default stream (see `setUpDevice`). The graph keeps the memory that the work allocates.
std::unique_ptr<GraphRecorder> cudaGraphRecorder(const at::Device& device);

}  // namespace moco
