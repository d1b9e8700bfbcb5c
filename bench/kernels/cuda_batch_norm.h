#pragma once

#include "layers.h"

/// The four kernels of cuda_batch_norm_kernels.h. Compiled only where they are.
Kernels cudaBatchNormKernels(const Setting& setting, const Site& site);
