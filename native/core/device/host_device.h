#pragma once

/// Marks functions that run on the CPU and, when nvcc compiles them, also on a GPU.
#ifdef __CUDACC__
#define MOCO_HOST_DEVICE __host__ __device__
#else
#define MOCO_HOST_DEVICE
#endif
