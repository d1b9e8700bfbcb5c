#pragma once

namespace moco {

/// Whether the kernels were compiled for an architecture that the current device runs. Makes the
/// device's CUDA context if there is none yet.
bool hasKernelImage();

}  // namespace moco
