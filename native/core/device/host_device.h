#pragma once

/// Marks functions that the CPU and, where CUDA kernels are compiled, a GPU run.
#ifdef __CUDACC__
#define MOCO_HOST_DEVICE __host__ __device__
#else
#define MOCO_HOST_DEVICE
#endif
