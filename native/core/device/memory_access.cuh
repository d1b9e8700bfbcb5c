#pragma once

// Kernels whose traffic is counted read and write memory by these functions. On a GPU each is one
// access and nothing else; the tests' emulation (native/test/cuda_on_cpu) counts them.

#ifdef __CUDACC__

namespace moco::cuda {

template <class T>
__device__ T readGlobal(const T* from) {
  return *from;
}
template <class T>
__device__ void writeGlobal(T* to, const T& value) {
  *to = value;
}
template <class T>
__device__ T readShared(const T* from) {
  return *from;
}
template <class T>
__device__ void writeShared(T* to, const T& value) {
  *to = value;
}

}  // namespace moco::cuda

#else

#include <memory_traffic.h>

namespace moco::cuda {

using cuda_on_cpu::readGlobal;
using cuda_on_cpu::readShared;
using cuda_on_cpu::writeGlobal;
using cuda_on_cpu::writeShared;

}  // namespace moco::cuda

#endif
