#pragma once

#include <ATen/ATen.h>

#include <memory>

#include "core/device/graphed_function.h"

namespace moco {

/// Records one CUDA graph, from the calling thread's stream, which must not be the default one.
/// Memory of the work stays the graph's own.
std::unique_ptr<GraphRecorder> cudaGraphRecorder(const at::Device& device);

}  // namespace moco
